"""The right edge of the tree, kept in state.json so that appending need not read the whole log.

It is only a cache, and it is checked before use: it holds the frontier *without* the last entry and
the last entry's leaf hash, so adding the two must give the signed root. That vouches for both, and
the last line's bytes must then have that hash. Anything else and the log is replayed instead.
"""

import json
from dataclasses import dataclass
from typing import Any

import orjson

from provenance.checkpoint import Checkpoint
from provenance.durable import open_regular
from provenance.entry import LONGEST_LINE, first_prev
from provenance.errors import Reason, TamperedError
from provenance.history import History, open_entries
from provenance.layout import Layout
from provenance.tree import Frontier, leaf_hash

_SHAPE = {"end": int, "last": str, "peaks": list, "size": int, "start": int}


@dataclass(frozen=True)
class Tail:
    """Where the next entry goes.

    Args:
        frontier: of the tree over all committed entries.
        last: leaf hash of the last one; the next line's `prev`.
        end: byte offset after it.
    """

    frontier: Frontier
    last: bytes
    end: int


def encode_state(before: Frontier, last: bytes, start: int, end: int) -> bytes:
    """The cache after a commit.

    Args:
        before: frontier of the tree without the last entry.
        last: leaf hash of the last entry.
        start: byte offset of its line.
        end: byte offset after its line.
    """
    value = {
        "end": end,
        "last": last.hex(),
        "peaks": [peak.hex() for peak in before.peaks],
        "size": before.size + 1,
        "start": start,
    }
    return json.dumps(value, sort_keys=True).encode() + b"\n"


def claimed_size(layout: Layout) -> int:
    """How many entries the cache knows of, if the last one's bytes are there; else 0.

    Read it before the checkpoint: it is written after, so an honest log is never behind it.
    """
    frontier, last, line, _ = _claim(layout)
    return frontier.size if frontier is not None and _fits(line, last) else 0


def refuse_rolled_back(head: Checkpoint, claimed: int) -> None:
    """Compare a head with what the cache knew before it was read.

    Raises:
        TamperedError: ROLLED_BACK.
    """
    if claimed > head.size:
        raise TamperedError(
            f"the checkpoint covers {head.size} entries, but {claimed} were committed: it was "
            "rolled back; restore it from a copy",
            Reason.ROLLED_BACK,
        )


def cached_tail(layout: Layout, head: Checkpoint) -> Tail | None:
    """The tail from the cache, or None where it is absent, stale or does not fit root and entries.

    Raises:
        TamperedError: ROLLED_BACK, the cache knows more entries than the checkpoint covers.
    """
    frontier, last, line, end = _claim(layout)
    if frontier is None:
        return Tail(Frontier(), first_prev(head.origin), 0) if head.size == 0 else None
    if not _fits(line, last):
        return None
    refuse_rolled_back(head, frontier.size)
    if frontier.size != head.size or frontier.root() != head.root:
        return None
    return Tail(frontier, last, end)


def replayed_tail(history: History) -> Tail:
    """The tail after reading every entry."""
    return Tail(history.frontier.copy(), history.last, history.end)


def _read_state(layout: Layout) -> dict[str, Any] | None:
    try:
        with open_regular(layout.state) as file:
            value = orjson.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or {key: type(value[key]) for key in value} != _SHAPE:
        return None
    return value


def _claim(layout: Layout) -> tuple[Frontier | None, bytes, bytes, int]:
    """What the cache claims: frontier, last leaf; the bytes where the last line is, and its end."""
    nothing = None, b"", b"", 0
    state = _read_state(layout)
    if state is None:
        return nothing
    start, end = state["start"], state["end"]
    if state["size"] < 1 or not 0 <= start < end <= start + LONGEST_LINE:
        return nothing
    try:
        last = bytes.fromhex(state["last"])
        peaks = [bytes.fromhex(peak) for peak in state["peaks"]]
        frontier = Frontier(state["size"] - 1, peaks)
    except (ValueError, TypeError):
        return nothing
    frontier.push(last)
    try:
        with open_entries(layout) as stream:
            stream.seek(start)
            return frontier, last, stream.read(end - start), end
    except (OSError, ValueError):  # an offset that no file has; or the entries cannot be read
        return nothing


def _fits(line: bytes, last: bytes) -> bool:
    return line.endswith(b"\n") and leaf_hash(line[:-1]) == last
