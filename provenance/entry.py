"""One line of the log, canonical JSON: {"body":{...},"prev":"<hash of line before>","seq":N}."""

from dataclasses import dataclass
from typing import Any

from provenance import canonical
from provenance.body import LONGEST_BODY, check_body
from provenance.errors import (
    BadPathError,
    BodyError,
    NotCanonicalError,
    Reason,
    TamperedError,
)
from provenance.tree import leaf_hash

LONGEST_LINE = LONGEST_BODY + 256
"""Bytes: a body, `prev`, `seq` and the newline."""

_FIELDS = {"body", "prev", "seq"}


@dataclass(frozen=True)
class Entry:
    """A committed line.

    Args:
        seq: its number, from 0.
        body: what its writer said.
        hash: leaf hash of the line in hex; the next line's `prev`.
    """

    seq: int
    body: dict[str, Any]
    hash: str


def first_prev(origin: str) -> bytes:
    """What stands for the line before the first: ties the chain to this one log."""
    return leaf_hash(origin.encode())


def encode_line(body: bytes, prev: bytes, seq: int) -> bytes:
    """The line without its newline, around a body in canonical form."""
    return b'{"body":%b,"prev":"%b","seq":%d}' % (body, prev.hex().encode(), seq)


def decode_line(line: bytes, prev: bytes, seq: int) -> dict[str, Any]:
    """The body of a line that must stand at `seq` and follow a line with leaf hash `prev`.

    Raises:
        TamperedError: LOG_ENTRY_CHANGED (names the entry), BAD_PATH.
    """
    try:
        value = canonical.decode(line)
    except NotCanonicalError as error:
        raise _changed(seq, f"entry {seq} was changed: {error}") from error
    if not isinstance(value, dict) or value.keys() != _FIELDS:
        raise _changed(seq, f"entry {seq} was changed: it needs body, prev and seq")
    if value["seq"] != seq or isinstance(value["seq"], bool):
        raise _changed(
            seq, f"entry {seq} was removed or moved: entry {value['seq']!r} stands in its place"
        )
    if value["prev"] != prev.hex():
        raise _changed(
            max(seq - 1, 0),
            f"entry {seq - 1} was changed: entry {seq} follows {str(value['prev'])[:8]}..., "
            f"found {prev.hex()[:8]}..."
            if seq
            else "entry 0 was changed: it does not belong to this log",
        )
    try:
        check_body(value["body"])
    except BadPathError as error:
        raise TamperedError(f"entry {seq}: {error}", Reason.BAD_PATH, entry=seq) from error
    except BodyError as error:
        raise _changed(seq, f"entry {seq} has a form that was never accepted: {error}") from error
    body: dict[str, Any] = value["body"]
    return body


def _changed(seq: int, message: str) -> TamperedError:
    return TamperedError(message, Reason.LOG_ENTRY_CHANGED, entry=seq)
