"""Every committed entry, checked line by line up to the signed root, and an index to look them up.

The index holds numbers, offsets and hashes, not bodies: about 60 bytes an entry, and more for each
path that the log names.
"""

import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

import orjson
from blake3 import blake3

from provenance.body import REVOKED, Body, Record, artifacts_of, vouches
from provenance.checkpoint import Checkpoint
from provenance.durable import open_regular
from provenance.entry import LONGEST_LINE, Entry, decode_line, first_prev
from provenance.errors import LogError, Reason, TamperedError
from provenance.layout import Layout
from provenance.seen import Seen
from provenance.tree import Frontier, Leaves, leaf_hash

Visitor = Callable[[Entry], None]
"""Called with each entry, once it is known to follow the one before and before it is indexed."""


class History:
    """The entries of one log as far as they were read.

    Attributes:
        frontier: of the tree over the entries read.
        last: leaf hash of the last entry read; before the first, what stands for it.
        ends: byte offset after each entry.
        leaves: leaf hash of each entry.
        paths: numbers of the entries that vouch for a path, oldest first.
        revoked: by digest, the number of the entry that withdrew it.
    """

    def __init__(self, layout: Layout, origin: str) -> None:
        self.layout = layout
        self.origin = origin
        self.frontier = Frontier()
        self.last = first_prev(origin)
        self.ends = array("Q")
        self.leaves = Leaves()
        self.paths: dict[str, array[int]] = {}
        self.revoked: dict[str, int] = {}
        self._ids = array("q")  # Python's hash of each id: 8 bytes where the text takes a hundred
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
            for seq in range(self.size, head.size):
                self._take(seq, read_line(stream, seq, head.size), visit)
                if (size := seq + 1) in marks:
                    self._roots[size] = self.frontier.root()
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
        with open_entries(self.layout) as stream:
            stream.seek(self._start(seq))
            return self._again(stream, seq)

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """Read entries again, from number `start` to the last one.

        Raises:
            TamperedError: LOG_ENTRY_CHANGED, changed since it was checked.
        """
        with open_entries(self.layout) as stream:
            stream.seek(self._start(start))
            for seq in range(start, self.size):
                yield self._again(stream, seq)

    def find(self, id: str) -> Entry | None:  # noqa: A002  # the field's name in the log
        """The first entry with this id, or None."""
        hashes, needle, at = self._ids.tobytes(), array("q", [hash(id)]).tobytes(), -1
        while (at := hashes.find(needle, at + 1)) >= 0:
            if at % len(needle) == 0:
                entry = self.entry(at // len(needle))
                if entry.body["id"] == id:  # two ids may have one hash
                    return entry
        return None

    def leaf(self, seq: int) -> bytes:
        """Leaf hash of an entry."""
        return self.leaves[seq]

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

    def _take(self, seq: int, line: bytes, visit: Sequence[Visitor]) -> None:
        body = decode_line(line, self.last, seq)
        self.last = leaf = blake3(b"\x00" + line).digest()  # leaf_hash, without two calls
        if visit:
            entry = Entry(seq, body, leaf.hex())
            for visitor in visit:
                visitor(entry)
        self._ids.append(hash(body["id"]))
        if records := body.get("artifacts"):
            self._remember(body, records, seq)
        self.ends.append((self.ends[-1] if seq else 0) + len(line) + 1)
        self.leaves.append(leaf)
        self.frontier.push(leaf)

    def _remember(self, body: Body, records: Sequence[Record], seq: int) -> None:
        if body["kind"] == REVOKED:
            for record in records:
                self.revoked[record["blake3"]] = seq
        elif vouches(body):
            for record in records:
                path = record["path"]
                if path in self.paths:
                    self.paths[path].append(seq)
                else:
                    self.paths[path] = array("Q", [seq])

    def _start(self, seq: int) -> int:
        return self.ends[seq - 1] if seq else 0

    def _again(self, stream: BinaryIO, seq: int) -> Entry:
        line, leaf = stream.read(self.ends[seq] - self._start(seq))[:-1], self.leaf(seq)
        if leaf_hash(line) != leaf:
            raise TamperedError(
                f"entry {seq} was changed while the log was read",
                Reason.LOG_ENTRY_CHANGED,
                entry=seq,
            )
        return Entry(seq, orjson.loads(line)["body"], leaf.hex())


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
        return open_regular(layout.entries)
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
