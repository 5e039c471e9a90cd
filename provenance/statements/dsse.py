"""DSSE: a signed envelope around a payload (https://github.com/secure-systems-lab/dsse).

What is signed is the pre-authentication encoding (PAE) of payload and payload type, so that a
payload cannot be taken for one of another type. Ours are signed with RSA (PSS, SHA-256), which
`securesystemslib` takes for an RSA key by default, under the key id that it derives from the key.
"""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance import canonical
from provenance.errors import Reason, TamperedError
from provenance.statements.parsing import as_bytes, as_list, as_object, as_text, bad, parse_object
from provenance.statements.sha256 import sha256

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MOST_SIGNATURES = 64

_PADDING = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """What gets signed: both parts with their lengths in front (DSSE 1.0, protocol.md)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def rsa_key_id(key: RSAPublicKey) -> str:
    """The key's id as `securesystemslib` derives it, 64 hex digits.

    SHA-256 over OLPC canonical JSON of type, scheme and PEM: sorted keys, and of all characters in
    a string only the quote and the backslash escaped, which a PEM does not hold.
    """
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    text = f'{{"keytype":"rsa","keyval":{{"public":"{pem}"}},"scheme":"rsassa-pss-sha256"}}'
    return sha256(text.encode()).hex()


def sign_envelope(payload: bytes, key: RSAPrivateKey) -> bytes:
    """An envelope around an in-toto statement, as JSON."""
    signature = key.sign(pae(payload), _PADDING, hashes.SHA256())
    return canonical.encode(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {
                    "keyid": rsa_key_id(key.public_key()),
                    "sig": base64.b64encode(signature).decode(),
                }
            ],
        }
    )


def open_envelope(data: bytes, keys: Iterable[RSAPublicKey]) -> bytes:
    """The payload of an envelope that a trusted key signed.

    Signatures of unknown keys are ignored; one wrong signature of a known key rejects everything.

    Args:
        data: the envelope, JSON.
        keys: public keys that are trusted.

    Raises:
        TamperedError: BAD_STATEMENT if it is no envelope of ours, BAD_SIGNATURE if a known key's
            signature does not fit, UNTRUSTED_KEY if no known key signed.
    """
    payload, signatures = read_envelope(parse_object(data, "the envelope"))
    known = {rsa_key_id(key): key for key in keys}
    signed = False
    for key_id, signature in signatures:
        if (key := known.get(key_id)) is None:
            continue
        try:
            key.verify(signature, pae(payload), _PADDING, hashes.SHA256())
        except InvalidSignature:
            raise TamperedError(
                f"the signature of key {key_id[:8]}... does not fit the statement",
                Reason.BAD_SIGNATURE,
            ) from None
        signed = True
    if not signed:
        signers = ", ".join(f"{key_id[:8]}..." for key_id, _ in signatures)
        trusted = ", ".join(f"{key_id[:8]}..." for key_id in known) or "none"
        raise TamperedError(
            f"signed by RSA key {signers}, trusted here: {trusted}", Reason.UNTRUSTED_KEY
        )
    return payload


def read_envelope(envelope: Mapping[str, Any]) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Payload, and (key id, signature) of each signature; nothing is verified yet.

    Raises:
        TamperedError: BAD_STATEMENT, no envelope around an in-toto statement.
    """
    kind = as_text(envelope.get("payloadType"), "payloadType")
    if kind != PAYLOAD_TYPE:
        raise bad(f"payloadType is {kind[:80]!r}, {PAYLOAD_TYPE} is read here")
    payload = as_bytes(envelope.get("payload"), "payload")
    found = as_list(envelope.get("signatures"), "signatures")
    if not 0 < len(found) <= MOST_SIGNATURES:
        raise bad(f"{len(found)} signatures, 1 to {MOST_SIGNATURES} are read")
    signatures = []
    for item in found:
        signature = as_object(item, "a signature")
        key_id = as_text(signature.get("keyid") or "", "keyid")
        signatures.append((key_id, as_bytes(signature.get("sig"), "sig")))
    return payload, signatures
