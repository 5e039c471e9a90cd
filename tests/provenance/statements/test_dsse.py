"""Our envelopes in the hands of securesystemslib, and bad ones in ours."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from provenance import Reason, TamperedError
from provenance.statements.dsse import open_envelope, pae, rsa_key_id, sign_envelope
from provenance.statements.sha256 import sha256
from provenance.statements.statement import Statement, parse_statement

PAYLOAD = Statement({"model": {"blake3": "a" * 64}}, "https://example.com/x/v1", {"a": 1}).encode()


def test_the_encoding_of_the_specification() -> None:
    # https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md, test vector
    assert (
        pae(b"hello world", "http://example.com/HelloWorld")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_sha256_of_the_standard() -> None:
    # FIPS 180-4's example, as NIST publishes it: "abc"
    assert sha256(b"abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_attack_59_securesystemslib_derives_our_key_id_and_takes_our_envelope(
    rsa_key: RSAPrivateKey, other_rsa_key: RSAPrivateKey
) -> None:
    theirs = SSlibKey.from_crypto(rsa_key.public_key())
    assert rsa_key_id(rsa_key.public_key()) == theirs.keyid
    data = sign_envelope(PAYLOAD, rsa_key)
    signed = Envelope.from_dict(json.loads(data)).verify([theirs], 1)
    assert list(signed) == [theirs.keyid]
    with pytest.raises(VerificationError):
        Envelope.from_dict(json.loads(data)).verify(
            [SSlibKey.from_crypto(other_rsa_key.public_key())], 1
        )
    assert open_envelope(data, [rsa_key.public_key()]) == PAYLOAD


def edited(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    envelope = json.loads(data)
    change(envelope)
    return json.dumps(envelope).encode()


def other_payload(envelope: dict[str, Any]) -> None:
    text = base64.b64decode(envelope["payload"]).replace(b'"a":1', b'"a":2')
    envelope["payload"] = base64.b64encode(text).decode()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (other_payload, Reason.BAD_SIGNATURE),
        (lambda it: it.update(payloadType="application/json"), Reason.BAD_STATEMENT),
        (lambda it: it.pop("payloadType"), Reason.BAD_STATEMENT),
        (lambda it: it.update(payload="%%%"), Reason.BAD_STATEMENT),
        (lambda it: it.update(signatures=[]), Reason.BAD_STATEMENT),
        (lambda it: it.update(signatures=it["signatures"] * 65), Reason.BAD_STATEMENT),
        (lambda it: it["signatures"][0].update(sig="AAAA"), Reason.BAD_SIGNATURE),
        (lambda it: it["signatures"][0].update(keyid="0" * 64), Reason.UNTRUSTED_KEY),
        (lambda it: it["signatures"][0].pop("keyid"), Reason.UNTRUSTED_KEY),
    ],
)
def test_attack_39_an_envelope_that_was_touched(
    rsa_key: RSAPrivateKey, change: Callable[[dict[str, Any]], object], reason: Reason
) -> None:
    data = edited(sign_envelope(PAYLOAD, rsa_key), change)
    with pytest.raises(TamperedError) as refused:
        open_envelope(data, [rsa_key.public_key()])
    assert refused.value.reason is reason


def test_attack_39_the_payload_type_is_signed(rsa_key: RSAPrivateKey) -> None:
    """Both clients: swap the type in the envelope, and the signature no longer fits."""
    data = edited(
        sign_envelope(PAYLOAD, rsa_key), lambda it: it.update(payloadType="application/json")
    )
    with pytest.raises(VerificationError):
        Envelope.from_dict(json.loads(data)).verify([SSlibKey.from_crypto(rsa_key.public_key())], 1)


def test_a_second_signature_of_a_stranger_changes_nothing_but_a_bad_one_of_a_known_key_does(
    rsa_key: RSAPrivateKey, other_rsa_key: RSAPrivateKey
) -> None:
    mine, other = sign_envelope(PAYLOAD, rsa_key), sign_envelope(PAYLOAD, other_rsa_key)
    stranger = json.loads(other)["signatures"][0]
    both = edited(mine, lambda it: it["signatures"].append(stranger))
    assert open_envelope(both, [rsa_key.public_key()]) == PAYLOAD
    broken = edited(mine, lambda it: it["signatures"].append({**stranger, "sig": "AAAA"}))
    with pytest.raises(TamperedError) as refused:
        open_envelope(broken, [rsa_key.public_key(), other_rsa_key.public_key()])
    assert refused.value.reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    "payload",
    [
        PAYLOAD + PAYLOAD,
        b"[" + PAYLOAD + b"," + PAYLOAD + b"]",
        PAYLOAD.replace(b'"_type"', b'"_type":"x","_type"'),
        PAYLOAD.replace(b"Statement/v1", b"Statement/v0.1"),
        PAYLOAD.replace(b'"a":1', b'"a":NaN'),
        PAYLOAD.replace(b'"name":"model"', b'"name":"\\ud800"'),
        json.dumps({**json.loads(PAYLOAD), "subject": []}).encode(),
        json.dumps({**json.loads(PAYLOAD), "subject": json.loads(PAYLOAD)["subject"] * 2}).encode(),
        b"\xff",
        b"",
        b"[" * 100_000,
    ],
)
def test_attack_39_a_payload_that_is_not_one_statement(payload: bytes) -> None:
    with pytest.raises(TamperedError) as refused:
        parse_statement(payload)
    assert refused.value.reason is Reason.BAD_STATEMENT
