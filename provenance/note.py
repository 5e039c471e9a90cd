"""Signed notes, the text format of transparency logs (C2SP, https://c2sp.org/signed-note).

A note is text, an empty line, and signature lines `— NAME BASE64(key id || signature)`. Lines of
unknown keys are ignored, so that keys can rotate and witnesses can co-sign; a bad line of a known
key rejects the whole note. Other signature types join by implementing `Signer` and `Verifier`.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from provenance.errors import Reason, TamperedError

LARGEST_NOTE = 64 * 1024
"""Bytes; the format asks verifiers to set a limit that still takes 16 signatures."""

KEY_ID_BYTES = 4

_DASH = "\u2014"
_NAME = re.compile(r"[^\s+]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIGNATURE_LINE = re.compile(rf"{_DASH} ([^\s+]+) ([A-Za-z0-9+/]+={{0,2}})")


class Verifier(Protocol):
    """One public key under one name."""

    @property
    def name(self) -> str: ...

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of the same name apart."""

    def accepts(self, text: bytes, signature: bytes) -> bool: ...


class Signer(Protocol):
    """One private key under one name."""

    @property
    def name(self) -> str: ...

    @property
    def key_id(self) -> bytes: ...

    def sign(self, text: bytes) -> bytes: ...


@dataclass(frozen=True)
class OpenedNote:
    """A note's text, signed by these known keys (at least one)."""

    text: str
    signed_by: tuple[Verifier, ...]


def sign_note(text: str, signers: Sequence[Signer]) -> bytes:
    """The note's bytes.

    Raises:
        ValueError: the text does not fit the format, or a key has an unusable name.
    """
    if not text.endswith("\n") or _CONTROL.search(text):
        raise ValueError("a note's text ends in a newline and holds no other control character")
    lines = []
    for signer in signers:
        if not _NAME.fullmatch(signer.name):
            raise ValueError(f"key name {signer.name!r} is empty or holds a space or '+'")
        blob = base64.b64encode(signer.key_id + signer.sign(text.encode())).decode()
        lines.append(f"{_DASH} {signer.name} {blob}\n")
    return f"{text}\n{''.join(lines)}".encode()


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> OpenedNote:
    """Check a note against the keys that the reader trusts.

    Raises:
        TamperedError: BAD_CHECKPOINT if it is not a signed note, BAD_SIGNATURE if a known key's
            signature does not fit the text, UNTRUSTED_KEY if no known key signed it.
    """
    text, lines = split_note(data)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    signed_by: list[Verifier] = []
    for name, blob in lines:
        verifier = known.get((name, blob[:KEY_ID_BYTES]))
        if verifier is None:
            continue
        if not verifier.accepts(text.encode(), blob[KEY_ID_BYTES:]):
            raise TamperedError(
                f"the signature of key {blob[:KEY_ID_BYTES].hex()} does not fit the signed text",
                Reason.BAD_SIGNATURE,
            )
        signed_by.append(verifier)
    if not signed_by:
        signers = ", ".join(blob[:KEY_ID_BYTES].hex() for _, blob in lines)
        trusted = ", ".join(key_id.hex() for _, key_id in known) or "none"
        raise TamperedError(
            f"signed by key id {signers}, trusted here: {trusted}", Reason.UNTRUSTED_KEY
        )
    return OpenedNote(text, tuple(signed_by))


def split_note(data: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """Text and (name, key id || signature) of each signature line, nothing verified yet.

    Raises:
        TamperedError: BAD_CHECKPOINT, not in the format.
    """
    if len(data) > LARGEST_NOTE:
        raise _malformed(f"{len(data)} bytes, at most {LARGEST_NOTE} are read")
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise _malformed("not UTF-8") from None
    if _CONTROL.search(note):
        raise _malformed("holds a control character")
    head, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise _malformed("no signature lines after an empty line")
    lines = []
    for line in tail[:-1].split("\n"):
        found = _SIGNATURE_LINE.fullmatch(line)
        if found is None:
            raise _malformed(f"not a signature line: {line[:60]!r}")
        lines.append((found[1], decode_base64(found[2])))
        if len(lines[-1][1]) <= KEY_ID_BYTES:
            raise _malformed("a signature without bytes")
    return head + "\n", lines


def decode_base64(text: str) -> bytes:
    """Standard base64 in its one canonical spelling.

    Raises:
        TamperedError: BAD_CHECKPOINT.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _malformed(f"not base64: {text[:60]!r}") from None
    if base64.b64encode(data).decode() != text:
        raise _malformed(f"not canonical base64: {text[:60]!r}")
    return data


def _malformed(what: str) -> TamperedError:
    return TamperedError(f"malformed signed note: {what}", Reason.BAD_CHECKPOINT)
