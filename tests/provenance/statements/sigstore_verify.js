// Ask Sigstore's own JavaScript client about a bundle: node sigstore_verify.js BUNDLE PUBLIC_KEY_PEM
const fs = require('fs')
const crypto = require('crypto')
const { bundleFromJSON } = require('@sigstore/bundle')
const { Verifier, toSignedEntity } = require('@sigstore/verify')

const [bundle, pem] = process.argv.slice(2).map((path) => fs.readFileSync(path, 'utf8'))
const trusted = {
  certificateAuthorities: [],
  timestampAuthorities: [],
  tlogs: [],
  ctlogs: [],
  publicKey: () => ({ publicKey: crypto.createPublicKey(pem), validFor: () => true }),
}
const offline = { tlogThreshold: 0, ctlogThreshold: 0, tsaThreshold: 0, timestampThreshold: 0 }
try {
  new Verifier(trusted, offline).verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle))))
  console.log('verified')
} catch (error) {
  console.log(`refused ${error.code || error.name}`)
}
