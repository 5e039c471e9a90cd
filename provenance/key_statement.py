"""Statements about keys, as entries of kind "key": this one follows that one, or counts no further.

    {"kind":"key","id":"key/rotate/OLD/NEW",
     "key":{"action":"rotate","old":OLD,"new":NEW,"pem":"...","valid_until_size":N,"log":ORIGIN},
     "signatures":[{"keyid":"OLD/ed25519","sig":"..."}, ...]}
    {"kind":"key","id":"key/revoke/KEY/N",
     "key":{"action":"revoke","key":KEY,"by":BY,"valid_until_size":N,"log":ORIGIN}, ...}

A rotation is signed by the old and by the new identity, so that a reader who knows the old public
keys alone can follow it; a revocation by an identity that counts. Each signs with all its keys. The
signed bytes are a line of their own before the canonical JSON of "key": no checkpoint and no DSSE
envelope begins like that, so a signature over one is never a signature over another.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provenance import canonical
from provenance.errors import KeyStoreError, NotCanonicalError, Reason, TamperedError
from provenance.identity import Identity
from provenance.note import Signer
from provenance.rsa import RsaSigner, RsaVerifier

KEY = "key"
ROTATE, REVOKE = "rotate", "revoke"

_DOMAIN = b"cairn key statement v1\n"
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_SHAPES = {
    ROTATE: {"action": str, "old": str, "new": str, "pem": str},
    REVOKE: {"action": str, "key": str, "by": str},
}
_COMMON = {"valid_until_size": int, "log": str}


@dataclass(frozen=True)
class KeyStatement:
    """One statement, not yet believed.

    Args:
        subject: fingerprint of the identity that counts no further.
        by: fingerprint of the identity that says so; the subject itself for a rotation.
        heir: the identity that takes its place, for a rotation.
        until: the largest size of a head that the subject may have signed.
        log: origin of the log that it is about.
        signed: the bytes that were signed.
        signatures: by key id, "FINGERPRINT/ed25519" or "FINGERPRINT/rsa".
    """

    subject: str
    by: str
    heir: Identity | None
    until: int
    log: str
    signed: bytes
    signatures: Mapping[str, bytes]

    def is_signed_by(self, identity: Identity) -> bool:
        """Whether all keys of an identity that sign heads signed this."""
        return all(
            verifier.accepts(
                self.signed, self.signatures.get(_key_id(identity.fingerprint, verifier), b"")
            )
            for verifier in identity.verifiers(self.log)
        )


def rotation(origin: str, old: Identity, new: Identity, until: int) -> dict[str, Any]:
    """What both identities sign when one follows the other."""
    return {
        "action": ROTATE,
        "old": old.fingerprint,
        "new": new.fingerprint,
        "pem": new.pem().decode(),
        "valid_until_size": until,
        "log": origin,
    }


def revocation(origin: str, fingerprint: str, by: Identity, until: int) -> dict[str, Any]:
    """What an identity signs to say that another counts no further."""
    return {
        "action": REVOKE,
        "key": fingerprint,
        "by": by.fingerprint,
        "valid_until_size": until,
        "log": origin,
    }


def body(
    key: dict[str, Any], signers: Sequence[tuple[Identity, Sequence[Signer]]], ts: str
) -> dict[str, Any]:
    """The entry's body.

    Args:
        signers: each identity with its private keys.
        ts: when, ISO 8601.
    """
    if key["action"] == ROTATE:
        name = f"key/rotate/{key['old']}/{key['new']}"
    else:
        name = f"key/revoke/{key['key']}/{key['valid_until_size']}"
    message = _DOMAIN + canonical.encode(key)
    signatures = [
        {
            "keyid": _key_id(identity.fingerprint, signer),
            "sig": base64.b64encode(signer.sign(message)).decode(),
        }
        for identity, keys in signers
        for signer in keys
    ]
    return {"kind": KEY, "id": name, "ts": ts, "key": key, "signatures": signatures}


def parse(body: Mapping[str, Any]) -> KeyStatement:
    """Read an entry's body; the signatures are not checked yet.

    Raises:
        TamperedError: BAD_STATEMENT.
    """
    key = body.get("key")
    if not isinstance(key, dict) or not isinstance(key.get("action"), str):
        raise _bad("it has no action")
    shape = _SHAPES.get(key["action"], {}) | _COMMON
    if {name: type(value) for name, value in key.items()} != shape:
        raise _bad(f"action {key['action'][:40]!r} with fields that it does not have")
    rotates = key["action"] == ROTATE
    names = (key["old"], key["new"]) if rotates else (key["key"], key["by"])
    if not all(_FINGERPRINT.fullmatch(name) for name in names) or key["valid_until_size"] < 0:
        raise _bad("a fingerprint has 16 hex digits, a size is not negative")
    heir = _heir(key) if rotates else None
    try:
        signed = _DOMAIN + canonical.encode(key)
    except NotCanonicalError as error:
        raise _bad(str(error)) from error
    return KeyStatement(
        subject=names[0],
        by=key["old"] if rotates else key["by"],
        heir=heir,
        until=key["valid_until_size"],
        log=key["log"],
        signed=signed,
        signatures=_signatures(body.get("signatures")),
    )


def _heir(key: dict[str, Any]) -> Identity:
    try:
        heir = Identity.parse(f"after {key['old']}", key["pem"].encode(), "the new key")
    except (KeyStoreError, UnicodeEncodeError) as error:
        raise _bad(str(error)) from error
    if heir.fingerprint != key["new"] or heir.rsa is None or key["new"] == key["old"]:
        raise _bad(f"its keys are not those of {key['new']}, which needs Ed25519 and RSA")
    return heir


def _signatures(value: object) -> dict[str, bytes]:
    if not isinstance(value, list) or len(value) > 16:
        raise _bad("it needs a list of at most 16 signatures")
    found = {}
    for item in value:
        if not isinstance(item, dict) or {k: type(v) for k, v in item.items()} != {
            "keyid": str,
            "sig": str,
        }:
            raise _bad("a signature is keyid and sig")
        try:
            found[item["keyid"]] = base64.b64decode(item["sig"], validate=True)
        except (binascii.Error, ValueError):
            raise _bad("a signature is not base64") from None
    return found


def _key_id(fingerprint: str, key: object) -> str:
    return f"{fingerprint}/{'rsa' if isinstance(key, RsaSigner | RsaVerifier) else 'ed25519'}"


def _bad(what: str) -> TamperedError:
    return TamperedError(f"malformed key statement: {what}", Reason.BAD_STATEMENT)
