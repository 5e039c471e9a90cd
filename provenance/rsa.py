"""RSA signatures on notes: PKCS#1 v1.5 over SHA-256, with the key id that Rekor v2 gives such keys.

`openssl dgst -sha256 -verify` checks them, so an auditor needs no code of ours. The id is the first
4 bytes of SHA-256(name || LF || 0xff || "PKIX-RSA-PKCS#1v1.5" || DER SubjectPublicKeyInfo), as in
sigstore/rekor-tiles, docs and pkg/note (0xff is the type that C2SP leaves to applications).
"""

import functools
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from provenance.note import KEY_ID_BYTES

BITS = 2048
"""Of the keys made here, and the least that is taken: shorter ones no longer count as safe."""

EXPONENT = 65537

_TYPE = b"\xffPKIX-RSA-PKCS#1v1.5"


def key_id(name: str, key: RSAPublicKey) -> bytes:
    """The id that tells keys of one name apart."""
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(name.encode() + b"\n" + _TYPE + der)
    return digest.finalize()[:KEY_ID_BYTES]


@dataclass(frozen=True)
class RsaVerifier:
    """Checks signatures made under a name."""

    name: str
    key: RSAPublicKey

    @functools.cached_property
    def key_id(self) -> bytes:
        return key_id(self.name, self.key)

    def accepts(self, text: bytes, signature: bytes) -> bool:
        """Whether the signature was made over exactly this text by this key."""
        try:
            self.key.verify(signature, text, PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class RsaSigner:
    """Signs under a name."""

    name: str
    key: RSAPrivateKey

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.key.public_key())

    def sign(self, text: bytes) -> bytes:
        """As many bytes as the modulus has; the same key and text give the same signature."""
        return self.key.sign(text, PKCS1v15(), hashes.SHA256())
