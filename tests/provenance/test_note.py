import base64
import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from provenance.ed25519 import Ed25519Signer, Ed25519Verifier
from provenance.errors import Reason, TamperedError
from provenance.note import LARGEST_NOTE, Verifier, open_note, sign_note, split_note

# Key pair and note of golang.org/x/mod/sumdb/note, note_test.go, where the C2SP format comes from.
PUBLIC = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
PRIVATE = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNATURE_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)
NOTE = f"{TEXT}\n{SIGNATURE_LINE}".encode()

PETER = Ed25519Verifier("PeterNeumann", Ed25519PublicKey.from_public_bytes(PUBLIC[1:]))
SIGNER = Ed25519Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(PRIVATE[1:]))


def other(name: str = "other.example/key") -> Ed25519Signer:
    return Ed25519Signer(name, Ed25519PrivateKey.generate())


def verifier(signer: Ed25519Signer) -> Ed25519Verifier:
    return Ed25519Verifier(signer.name, signer.key.public_key())


def test_the_note_of_the_reference_opens() -> None:
    opened = open_note(NOTE, [PETER])
    assert (opened.text, opened.signed_by) == (TEXT, (PETER,))


def test_key_id_and_signature_are_those_of_the_reference() -> None:
    assert PETER.key_id.hex() == "c74f20a3"
    assert sign_note(TEXT, [SIGNER]) == NOTE


def test_unknown_signatures_are_ignored() -> None:
    witness = other()
    note = sign_note(TEXT, [witness, SIGNER, other("PeterNeumann")])
    assert open_note(note, [PETER]).signed_by == (PETER,)
    assert open_note(note, [PETER, verifier(witness)]).signed_by == (verifier(witness), PETER)


def test_no_known_signature_is_no_signature() -> None:
    with pytest.raises(
        TamperedError, match="signed by key id c74f20a3, trusted here: none"
    ) as caught:
        open_note(NOTE, [])
    assert caught.value.reason is Reason.UNTRUSTED_KEY
    with pytest.raises(TamperedError, match="signed by key id c74f20a3, trusted here: ") as caught:
        open_note(NOTE, [verifier(other())])
    assert caught.value.reason is Reason.UNTRUSTED_KEY


def test_a_bad_signature_of_a_known_key_rejects_the_whole_note() -> None:
    good, bad = other(), other()
    lines = sign_note("other text\n", [bad]).split(b"\n\n")[1]
    note = sign_note(TEXT, [good]) + lines
    open_note(note, [verifier(good)])  # the other key is unknown here
    with pytest.raises(TamperedError, match="does not fit the signed text") as caught:
        open_note(note, [verifier(good), verifier(bad)])
    assert caught.value.reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("position", range(len(TEXT)))
def test_any_changed_character_is_found(position: int) -> None:
    text = TEXT[:position] + "x" + TEXT[position + 1 :]
    with pytest.raises(TamperedError):
        open_note(f"{text}\n{SIGNATURE_LINE}".encode(), [PETER])


def test_a_key_id_without_its_name_is_unknown() -> None:
    renamed = dataclasses.replace(PETER, name="Peter")
    with pytest.raises(TamperedError, match="trusted here"):
        open_note(NOTE.replace(b" PeterNeumann ", b" Peter "), [renamed])


def test_the_text_may_hold_empty_lines() -> None:
    text = "a\n\nb\n"
    assert split_note(sign_note(text, [SIGNER]))[0] == text


def test_sixteen_signatures_are_read() -> None:  # the format's minimum
    signers = [other(f"k{i}") for i in range(16)]
    known: list[Verifier] = [verifier(signer) for signer in signers]
    assert len(open_note(sign_note(TEXT, signers), known).signed_by) == 16


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no signature lines"),
        (TEXT.encode(), "no signature lines"),
        (f"{TEXT}\n".encode(), "no signature lines"),
        (NOTE[:-1], "no signature lines"),
        (NOTE + b"\n", "no signature lines"),
        (NOTE.replace(b"\n", b"\r\n"), "control character"),
        (NOTE.replace(b"answer", b"ans\x00wer"), "control character"),
        (NOTE.replace(b"answer", b"ans\twer"), "control character"),
        (NOTE.replace(b"answer", b"ans\xffwer"), "not UTF-8"),
        (NOTE.replace("—".encode(), b"-"), "not a signature line"),
        (NOTE.replace(b"Peter", b"Peter "), "not a signature line"),
        (NOTE.replace(b"Peter", b"Peter+"), "not a signature line"),
        (NOTE.replace(b"nAM=", b"nAM"), "not base64"),
        (NOTE.replace(b"nAM=", b"nAN="), "not canonical base64"),
        (f"{TEXT}\n— PeterNeumann x08gow==\n".encode(), "a signature without bytes"),
        (b"x" * (LARGEST_NOTE + 1), f"{LARGEST_NOTE + 1} bytes, at most {LARGEST_NOTE}"),
    ],
)
def test_malformed_notes(data: bytes, why: str) -> None:
    with pytest.raises(TamperedError, match=f"malformed signed note: .*{why}") as caught:
        open_note(data, [PETER])
    assert caught.value.reason is Reason.BAD_CHECKPOINT


@pytest.mark.parametrize("text", ["no newline", "tab\there\n", ""])
def test_text_that_is_no_note_is_not_signed(text: str) -> None:
    with pytest.raises(ValueError, match="ends in a newline"):
        sign_note(text, [SIGNER])


@pytest.mark.parametrize("name", ["", "a b", "a+b"])
def test_names_that_are_no_key_names_do_not_sign(name: str) -> None:
    with pytest.raises(ValueError, match="key name"):
        sign_note(TEXT, [other(name)])
