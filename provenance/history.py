"""Every committed entry, checked line by line up to the signed root, and an index to look them up.

The index holds numbers and offsets, not bodies: a hundred thousand entries take tens of megabytes.
"""

import json
import os
from array import array
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from provenance.body import REVOKED, artifacts_of, vouches
from provenance.checkpoint import Checkpoint
from provenance.entry import LONGEST_LINE, Entry, decode_line, first_prev
from provenance.errors import LogError, Reason, TamperedError
from provenance.layout import Layout
from provenance.seen import Seen
from provenance.tree import Frontier, leaf_hash

HASH_BYTES = 32

Visitor = Callable[[Entry], None]
"""Called with each entry, once it is known to follow the one before and before it is indexed."""


class History:
    """The entries of one log as far as they were read.

    Attributes:
        frontier: of the tree over the entries read.
        last: leaf hash of the last entry read; before the first, what stands for it.
        ends: byte offset after each entry.
        ids: entry number by id.
        paths: numbers of the entries that vouch for a path, oldest first.
        revoked: by digest, the number of the entry that withdrew it.
    """

    def __init__(self, layout: Layout, origin: str) -> None:
        self.layout = layout
        self.origin = origin
        self.frontier = Frontier()
        self.last = first_prev(origin)
        self.ends = array("Q")
        self.ids: dict[str, int] = {}
        self.paths: dict[str, list[int]] = {}
        self.revoked: dict[str, int] = {}
        self._leaves = bytearray()
        self._roots: dict[int, bytes] = {}

    @property
    def size(self) -> int:
        """How many entries were read."""
        return self.frontier.size

    @property
    def end(self) -> int:
        """Byte offset after the last entry read."""
        return self.ends[-1] if self.ends else 0

    def extend(
        self, head: Checkpoint, seen: Sequence[Seen] = (), visit: Sequence[Visitor] = ()
    ) -> None:
        """Read on, up to the entries that a verified checkpoint covers.

        Args:
            head: the checkpoint; its origin is this log's.
            seen: heads seen before; each must be the head of a beginning of this log.
            visit: called with each entry that is new here, in this order.

        Raises:
            TamperedError: ROLLED_BACK, LOG_ENTRY_CHANGED, LOG_TRUNCATED, BAD_PATH,
                HISTORY_REWRITTEN. What was read so far is not to be used then.
        """
        for before in seen:
            _refuse_lost(head, before)
        marks = {before.checkpoint.size for before in seen}
        with open_entries(self.layout) as stream:
            stream.seek(self.end)
            while self.size < head.size:
                self._take(read_line(stream, self.size, head.size), visit)
                if self.size in marks:
                    self._roots[self.size] = self.frontier.root()
        if self.frontier.root() != head.root:
            last = max(head.size - 1, 0)
            raise TamperedError(
                f"the entries are not those that were signed: entry {last} was changed, or a "
                "chain was recomputed without the key",
                Reason.LOG_ENTRY_CHANGED,
                entry=last,
            )
        for before in seen:
            self._refuse_rewritten(before)

    def root_at(self, size: int) -> bytes:
        """Root of the tree over the first `size` entries, at most those read."""
        if size not in self._roots:
            frontier = Frontier()
            for seq in range(size):
                frontier.push(self.leaf(seq))
            self._roots[size] = frontier.root()
        return self._roots[size]

    def entry(self, seq: int) -> Entry:
        """Read one entry again.

        Raises:
            TamperedError: LOG_ENTRY_CHANGED, changed since it was checked.
        """
        start = self.ends[seq - 1] if seq else 0
        with open_entries(self.layout) as stream:
            stream.seek(start)
            line = stream.read(self.ends[seq] - start)[:-1]
        leaf = self.leaf(seq)
        if leaf_hash(line) != leaf:
            raise TamperedError(
                f"entry {seq} was changed while the log was read",
                Reason.LOG_ENTRY_CHANGED,
                entry=seq,
            )
        return Entry(seq, json.loads(line)["body"], leaf.hex())

    def leaf(self, seq: int) -> bytes:
        """Leaf hash of an entry."""
        return bytes(self._leaves[seq * HASH_BYTES : (seq + 1) * HASH_BYTES])

    def newest(
        self, path: str, digest: str | None = None, before: int | None = None
    ) -> tuple[Entry, dict[str, Any]] | None:
        """The newest entry that vouches for a path, and its record of it.

        Args:
            path: as written in the log.
            digest: only a record with this BLAKE3.
            before: only entries with a smaller number.
        """
        if path not in self.paths:
            return None
        for seq in reversed(self.paths[path]):
            if before is not None and seq >= before:
                continue
            entry = self.entry(seq)
            record = next(item for item in artifacts_of(entry.body) if item["path"] == path)
            if digest is None or record["blake3"] == digest:
                return entry, dict(record)
        return None

    def _refuse_rewritten(self, before: Seen) -> None:
        expected, root = before.checkpoint, self.root_at(before.checkpoint.size)
        if root != expected.root:
            raise TamperedError(
                f"the first {expected.size} entries are not those seen before (root "
                f"{root.hex()[:8]}..., {before.where} has {expected.root.hex()[:8]}...): two "
                "histories were signed for this log",
                Reason.HISTORY_REWRITTEN,
            )

    def _take(self, line: bytes, visit: Sequence[Visitor]) -> None:
        seq = self.size
        body = decode_line(line, self.last, seq)
        leaf = leaf_hash(line)
        if visit:
            entry = Entry(seq, body, leaf.hex())
            for visitor in visit:
                visitor(entry)
        if body["id"] not in self.ids:
            self.ids[body["id"]] = seq
        for record in artifacts_of(body):
            if body["kind"] == REVOKED:
                self.revoked[record["blake3"]] = seq
            elif vouches(body):
                self.paths.setdefault(record["path"], []).append(seq)
        self.ends.append(self.end + len(line) + 1)
        self._leaves += leaf
        self.frontier.push(leaf)
        self.last = leaf


def _refuse_lost(head: Checkpoint, before: Seen) -> None:
    if before.checkpoint.size > head.size:
        raise TamperedError(
            f"the log holds {head.size} entries, but {before.checkpoint.size} were seen before "
            f"({before.where}): it was rolled back; restore its folder from a copy",
            Reason.ROLLED_BACK,
        )


def open_entries(layout: Layout) -> BinaryIO:
    """The entries file; an empty one where nothing was appended yet.

    Raises:
        LogError: it cannot be read.
    """
    try:
        return layout.entries.open("rb")
    except FileNotFoundError:
        return open(os.devnull, "rb")  # a log of no entries has no such file yet
    except OSError as error:
        raise LogError(f"{layout.entries} cannot be read ({error.strerror})") from error


def read_line(stream: BinaryIO, seq: int, size: int) -> bytes:
    """The next line without its newline.

    Raises:
        TamperedError: LOG_TRUNCATED if the file ends, LOG_ENTRY_CHANGED if the line does not end.
    """
    line = stream.readline(LONGEST_LINE + 1)
    if line.endswith(b"\n"):
        return line[:-1]
    if len(line) > LONGEST_LINE:
        raise TamperedError(
            f"entry {seq} was changed: longer than {LONGEST_LINE} bytes",
            Reason.LOG_ENTRY_CHANGED,
            entry=seq,
        )
    raise TamperedError(
        f"the log ends before entry {seq}, {size} entries were signed: restore {stream.name}"
        " from a copy",
        Reason.LOG_TRUNCATED,
        entry=seq,
    )
