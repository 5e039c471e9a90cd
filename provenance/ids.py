"""Which ids the log holds, so that appending twice is appending once; no reading of the whole log.

Most ids are in the database, the newest ones in memory. What lies between is read from the log, and
each line must follow the one before up to the signed end: so the database may lag behind, and one
that was filled from other entries is noticed and made anew. Who can write to the folder can still
hide an id in it. Then a retry is logged a second time, signed and in plain sight; nothing is lost.
"""

import os
from collections.abc import Iterable, Sequence

import orjson

from provenance.database import Database, DatabaseError, Filled, is_busy
from provenance.entry import first_prev
from provenance.errors import TamperedError
from provenance.history import open_entries, read_line
from provenance.layout import Layout
from provenance.state import Tail
from provenance.tree import leaf_hash

STRIDE = 2048
"""So many ids go into the database at once: few writes, yet little to read for a new process."""

PATIENCE_S = 2.0
"""Those who fill other parts of the database hold it for milliseconds."""

_PART = "ids"
_MOST_IN_MEMORY = 8  # strides


class KnownIds:
    """The ids of one log. All calls are made under the log's lock, which also excludes threads."""

    def __init__(self, layout: Layout, origin: str) -> None:
        self._layout = layout
        self._nothing = Filled(0, first_prev(origin), 0)
        self._at = self._nothing  # the database and what is in memory reach up to here
        self._kept: Filled | None = None  # the database alone, as far as known
        self._recent: set[str] = set()
        self._database: Database | None = None
        self._writable = True
        self._process = 0

    def may_hold(self, ids: Sequence[str], tail: Tail) -> bool:
        """Whether any of these ids may be in the log up to a verified tail.

        A yes may be wrong: whoever gets one reads the log.
        """
        for _ in range(2):
            try:
                self._open()
                if self._catch_up(tail):
                    return self._holds(ids)
            except DatabaseError as error:
                if is_busy(error):
                    return True
            self._begin_anew()  # damaged, or filled from other entries
        return True

    def add(self, ids: Iterable[str], tail: Tail) -> None:
        """Take in what was appended right after the tail that `may_hold` was asked with.

        Args:
            tail: after these ids.
        """
        self._recent.update(ids)
        self._at = Filled(tail.frontier.size, tail.last, tail.end)

    def _open(self) -> None:
        if self._process != os.getpid():  # a connection must not be shared with a forked process
            self._at, self._recent, self._kept = self._nothing, set(), None
            self._database = Database.open(self._layout, patience_s=PATIENCE_S)
            self._process = os.getpid()
        if self._database is None:
            return
        kept = self._database.filled(_PART)
        if kept != self._kept:  # opened just now, filled by another process, or put back
            self._kept, self._at, self._recent = kept, kept or self._nothing, set()

    def _begin_anew(self) -> None:
        self._at, self._recent, self._kept = self._nothing, set(), None
        if self._database is not None:
            self._database.close()
            self._database = None
        self._process = os.getpid()

    def _catch_up(self, tail: Tail) -> bool:
        """Read the ids that are missing; False if what there is does not lead to the tail."""
        size, leaf, end = self._at.size, self._at.leaf, self._at.end
        with open_entries(self._layout) as stream:
            stream.seek(end)
            while size < tail.frontier.size:
                try:
                    line = read_line(stream, size, tail.frontier.size)
                    value = orjson.loads(line)
                    fits, name = value["prev"] == leaf.hex(), value["body"]["id"]
                except (TamperedError, ValueError, TypeError, KeyError):
                    return False
                if not fits or not isinstance(name, str):
                    return False
                size, leaf, end = size + 1, leaf_hash(line), end + len(line) + 1
                self._recent.add(name)
                if len(self._recent) >= _MOST_IN_MEMORY * STRIDE:
                    self._flush(Filled(size, leaf, end))
        self._at = Filled(size, leaf, end)
        if self._at != Filled(tail.frontier.size, tail.last, tail.end):
            return False
        if len(self._recent) >= STRIDE:
            self._flush(self._at)
        return True

    def _holds(self, ids: Sequence[str]) -> bool:
        if any(name in self._recent for name in ids):
            return True
        if self._database is None:
            return False
        self._database.execute("BEGIN")
        try:
            sql = "SELECT 1 FROM ids WHERE id = ?"
            find = self._database.execute
            return any(find(sql, (name,)).fetchone() is not None for name in ids)
        finally:
            self._database.execute("COMMIT")

    def _flush(self, at: Filled) -> None:
        """Move ids from memory into the database; if it refuses, they stay and nothing is lost."""
        if not self._writable:
            return
        try:
            if self._database is None:
                self._database = Database.create(self._layout, patience_s=PATIENCE_S)
            with self._database.writing():
                rows = [(name,) for name in sorted(self._recent)]  # neighbours share pages
                many = self._database.connection.executemany
                many("INSERT OR IGNORE INTO ids VALUES (?)", rows)
                self._database.set_filled(_PART, at)
            self._kept, self._recent = at, set()
        except DatabaseError:
            self._writable = False
