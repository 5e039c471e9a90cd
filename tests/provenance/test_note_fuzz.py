"""Whatever bytes stand where a signed note is expected, only one kind of error comes out."""

import dataclasses

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sigstore._internal.rekor.checkpoint import LogCheckpoint, SignedNote

from provenance.checkpoint import Checkpoint, parse_checkpoint
from provenance.ed25519 import Ed25519Signer
from provenance.errors import KeyStoreError, Reason, TamperedError
from provenance.identity import Identity, open_signed
from provenance.key_statement import parse
from provenance.note import sign_note, split_note
from provenance.rsa import RsaSigner

ORIGIN = "cairn-provenance/blake3/" + "0" * 32
ED25519, RSA = Ed25519PrivateKey.generate(), generate_private_key(65537, 2048)
IDENTITY = Identity("own", ED25519.public_key(), RSA.public_key())
TEXT = Checkpoint(ORIGIN, 7, bytes(range(32))).text()
NOTE = sign_note(TEXT, [Ed25519Signer(ORIGIN, ED25519), RsaSigner(ORIGIN, RSA)])
FEW = settings(max_examples=300, deadline=None)

REASONS = {Reason.BAD_CHECKPOINT, Reason.BAD_SIGNATURE, Reason.UNTRUSTED_KEY}


def judge(data: bytes) -> None:
    """Opens as it was signed, or is refused by name."""
    why = None
    try:
        opened, full = open_signed(data, ORIGIN, [IDENTITY])
        assert parse_checkpoint(opened.text) == Checkpoint(ORIGIN, 7, bytes(range(32)))
        assert full == (IDENTITY,)
    except TamperedError as error:
        why = error
    assert why is None or (why.reason in REASONS and "\n" not in str(why))


@FEW
@given(st.binary(max_size=400))
@example(b"")
@example(b"\n\n\xe2\x80\x94 a AAAAAAA=\n")
def test_random_bytes(data: bytes) -> None:
    judge(data)


@FEW
@given(st.integers(0, len(NOTE)), st.integers(0, 40), st.binary(max_size=40))
def test_a_note_with_bytes_replaced(start: int, length: int, put: bytes) -> None:
    judge(NOTE[:start] + put + NOTE[start + length :])


@FEW
@given(st.lists(st.sampled_from(NOTE.split(b"\n")), max_size=9), st.text(max_size=30))
def test_lines_of_a_note_in_any_order(lines: list[bytes], more: str) -> None:
    judge(b"\n".join([*lines, more.encode()]))


@FEW
@given(st.binary(max_size=200), st.integers(0, 600))
def test_files_of_public_keys(put: bytes, start: int) -> None:
    pem = IDENTITY.pem()
    message = "here "
    try:
        Identity.parse("x", pem[:start] + put + pem[start:], "here")
    except KeyStoreError as error:
        message = str(error)
    assert message.startswith("here ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)
KEY = st.fixed_dictionaries(
    {
        "action": st.sampled_from(["rotate", "revoke", ""]) | JSON,
        "valid_until_size": JSON,
        "log": JSON,
    },
    optional={name: JSON | st.just("0" * 16) for name in ("old", "new", "pem", "key", "by")},
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["key", "signatures"]), JSON | KEY, max_size=2))
def test_entries_about_keys(body: dict[str, object]) -> None:
    reason = Reason.BAD_STATEMENT
    try:
        assert not parse(body).is_signed_by(IDENTITY)
    except TamperedError as error:
        reason = error.reason
    assert reason is Reason.BAD_STATEMENT


def test_sigstores_parser_reads_a_head_and_its_rsa_signature() -> None:
    note = SignedNote.from_text(NOTE.decode())
    assert note.note == TEXT
    checkpoint = LogCheckpoint.from_text(note.note)
    assert (checkpoint.origin, checkpoint.log_size) == (ORIGIN, 7)
    assert checkpoint.log_hash == bytes(range(32)).hex()
    ids = [verifier.key_id for verifier in IDENTITY.verifiers(ORIGIN)]
    assert [signature.sig_hash for signature in note.signatures] == ids
    assert [name for name, _ in split_note(NOTE)[1]] == [s.name for s in note.signatures]


def test_keys_of_the_same_id_under_another_name_are_others() -> None:
    renamed = dataclasses.replace(IDENTITY, name="ann")
    assert renamed.fingerprint == IDENTITY.fingerprint
    judge(NOTE.replace(ORIGIN.encode() + b" ", b"other "))
