"""The file .provenance/index.sqlite: what can be looked up fast, rebuilt from the log at any time.

It is a cache and nothing in it is believed: it can only be absent, stale or wrong. Each part notes
up to which entry it was filled; whoever uses it compares that with the log and fills it further, or
anew. A file that is damaged, has other tables or is no plain file counts as absent.
"""

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from provenance.layout import Layout

DatabaseError = (sqlite3.Error, sqlite3.Warning, OSError, ValueError, OverflowError)
"""What reading or writing such a file may raise: `except DatabaseError`."""

TABLES = (
    "CREATE TABLE filled (part TEXT PRIMARY KEY, size INTEGER, leaf BLOB, end INTEGER)",
    "CREATE TABLE ids (id TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE artifacts (path TEXT, digest TEXT, seq INTEGER)",
    "CREATE TABLE inputs (digest TEXT, seq INTEGER)",
    "CREATE TABLE commits (sha TEXT, seq INTEGER)",
    "CREATE TABLE runs (run TEXT, seq INTEGER)",
    "CREATE INDEX artifacts_by_path ON artifacts (path)",
    "CREATE INDEX inputs_by_digest ON inputs (digest)",
    "CREATE INDEX commits_by_sha ON commits (sha)",
    "CREATE INDEX runs_by_run ON runs (run)",
)

_PAGES_KIB = 16_384


@dataclass(frozen=True)
class Filled:
    """Up to where a part was filled.

    Args:
        size: number of entries.
        leaf: leaf hash of the last one; for none, what stands before the first.
        end: byte offset after it.
    """

    size: int
    leaf: bytes
    end: int


class Database:
    """One connection; the caller sees to it that one thread uses it at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.execute = connection.execute

    @classmethod
    def open(cls, layout: Layout, *, patience_s: float) -> "Database | None":
        """The database of a log if there is a usable one; makes none.

        Args:
            patience_s: how long to wait while another process writes.

        Raises:
            DatabaseError: it still writes, see `is_busy`.
        """
        try:
            if not stat.S_ISREG(layout.index.lstat().st_mode):
                return None
            uri = f"file:{quote(str(layout.index))}?mode=rw"
            found = cls(_connect(uri, patience_s))
            sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
            if tuple(row[0] for row in found.execute(sql)) == TABLES:
                return found
            found.close()
        except DatabaseError as error:
            if is_busy(error):
                raise
        return None

    @classmethod
    def create(cls, layout: Layout, *, patience_s: float) -> "Database":
        """A new, empty database in place of whatever is there.

        Raises:
            DatabaseError: it cannot be made.
        """
        for path in (layout.index, layout.index.with_name(layout.index.name + "-journal")):
            path.unlink(missing_ok=True)
        made = cls(_connect(f"file:{quote(str(layout.index))}?mode=rwc", patience_s))
        made._make_tables()
        return made

    @classmethod
    def in_memory(cls) -> "Database":
        """A database that is gone with the process."""
        made = cls(_connect("file::memory:", 0.0))
        made._make_tables()
        return made

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all that is written inside is kept, or nothing."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(*DatabaseError):
                self.execute("ROLLBACK")
            raise

    def filled(self, part: str) -> Filled | None:
        """Up to where a part says that it was filled."""
        row = self.execute("SELECT size, leaf, end FROM filled WHERE part = ?", (part,)).fetchone()
        if row is None or tuple(map(type, row)) != (int, bytes, int) or min(row[0], row[2]) < 0:
            return None
        return Filled(*row)

    def set_filled(self, part: str, at: Filled) -> None:
        """Note up to where a part is filled; in the transaction that fills it."""
        row = (part, at.size, at.leaf, at.end)
        self.execute("INSERT OR REPLACE INTO filled VALUES (?, ?, ?, ?)", row)

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(*DatabaseError):
            self.connection.close()

    def _make_tables(self) -> None:
        with self.writing():
            for sql in TABLES:
                self.execute(sql)


def is_busy(error: BaseException) -> bool:
    """Whether another process held the file for longer than the caller wanted to wait."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY


def _connect(uri: str, patience_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=patience_s, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA trusted_schema = OFF")  # a stranger's file must not run anything
    connection.execute(f"PRAGMA cache_size = -{_PAGES_KIB}")
    return connection
