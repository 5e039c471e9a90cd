"""Questions that go against the arrows of the log: who used this, what came from that commit.

Answers are entries of a checked history. The index only says where to look: each entry that it
names is read again, and dropped if it is not what was asked for. A stranger who can write to the
folder can hide entries from an index on disk, and no more; `Index.in_memory` reads the whole log
instead, and depends on nothing but the log.
"""

from collections.abc import Callable, Iterator

from provenance.body import Body, artifacts_of, inputs_of, vouches
from provenance.database import Database, DatabaseError, Filled, is_busy
from provenance.entry import Entry
from provenance.history import History
from provenance.layout import Layout
from provenance.subject import release_name, weights_of

STRIDE = 4096
"""Entries per transaction: short ones, so that appending never waits for long."""

PATIENCE_S = 5.0

_PART = "lineage"
_EMPTY = (
    "DELETE FROM artifacts",
    "DELETE FROM inputs",
    "DELETE FROM commits",
    "DELETE FROM runs",
)
_ADD_ARTIFACT = "INSERT INTO artifacts VALUES (?, ?, ?)"
_ADD_INPUT = "INSERT INTO inputs VALUES (?, ?)"
_ADD_RUN = {
    "git": "INSERT INTO commits VALUES (?, ?)",
    "mlflow": "INSERT INTO runs VALUES (?, ?)",
}


class Index:
    """The index of one log. Open it, bring it up to a checked history with `refresh`, ask."""

    def __init__(self, layout: Layout | None) -> None:
        self._layout = layout
        self._database: Database | None = None
        self._history: History | None = None

    @classmethod
    def open(cls, layout: Layout) -> "Index":
        """The index beside a log; made by `refresh` where there is none."""
        return cls(layout)

    @classmethod
    def in_memory(cls) -> "Index":
        """An index that reads the whole log and leaves nothing behind."""
        return cls(None)

    def refresh(self, history: History) -> None:
        """Fill the index up to a history that was checked up to a signed head.

        A damaged index is made anew; where it cannot be written, it is held in memory.

        Raises:
            TamperedError: LOG_ENTRY_CHANGED, an entry was changed since it was checked.
            LogError: the entries cannot be read.
        """
        self._history = history
        for make in (self._present, self._anew):
            try:
                self._database = make()
                return _fill(self._database, history)
            except DatabaseError as error:
                if is_busy(error):
                    break  # someone is filling it: not to be thrown away
                self.close()
        self._database = Database.in_memory()
        return _fill(self._database, history)

    def users_of(self, digest: str) -> list[Entry]:
        """Entries made from these bytes, and from what was made from them, up to models; by number.

        Args:
            digest: BLAKE3 in hex, of a data set or of any other artifact.
        """
        found: dict[int, Entry] = {}
        asked, waiting = {digest}, [digest]
        while waiting:
            for entry in self._users(waiting.pop()):
                found[entry.seq] = entry
                if vouches(entry.body):
                    made = {record["blake3"] for record in artifacts_of(entry.body)}
                    waiting += made - asked
                    asked |= made
        return [found[seq] for seq in sorted(found)]

    def made_by_commit(self, sha: str) -> list[Entry]:
        """Entries of runs whose code was at this git commit, oldest first."""
        return list(
            self._entries(
                "SELECT seq FROM commits WHERE sha = ?", sha, lambda body: _run(body, "git") == sha
            )
        )

    def entries_of_run(self, run: str) -> list[Entry]:
        """Entries that a run wrote, by its id in MLflow, oldest first."""
        return list(
            self._entries(
                "SELECT seq FROM runs WHERE run = ?", run, lambda body: _run(body, "mlflow") == run
            )
        )

    def artifacts_at(self, path: str) -> list[tuple[Entry, str]]:
        """Entries that vouch for a path, oldest first, each with the BLAKE3 that it gives it."""
        entries = self._entries(
            "SELECT seq FROM artifacts WHERE path = ?", path, lambda body: path in _made(body)
        )
        return [(entry, _made(entry.body)[path]) for entry in entries]

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            self._database.close()
        self._database = None

    def _users(self, digest: str) -> Iterator[Entry]:
        sql = "SELECT seq FROM inputs WHERE digest = ?"
        return self._entries(sql, digest, lambda body: digest in _used(body))

    def _present(self) -> Database:
        if self._database is None and self._layout is not None:
            self._database = Database.open(self._layout, patience_s=PATIENCE_S)
        return self._database or self._anew()

    def _anew(self) -> Database:
        if self._layout is None:
            return Database.in_memory()
        return Database.create(self._layout, patience_s=PATIENCE_S)

    def _entries(self, sql: str, value: str, fits: Callable[[Body], bool]) -> Iterator[Entry]:
        if self._database is None or self._history is None:
            raise RuntimeError("an index is asked after `refresh`")
        try:
            rows = self._database.execute(f"{sql} ORDER BY seq", (value,)).fetchall()
        except DatabaseError:  # damaged since: the log itself has the answer
            self._database = Database.in_memory()
            _fill(self._database, self._history)
            rows = self._database.execute(f"{sql} ORDER BY seq", (value,)).fetchall()
        for seq in dict.fromkeys(row[0] for row in rows):
            if isinstance(seq, int) and 0 <= seq < self._history.size:
                entry = self._history.entry(seq)
                if fits(entry.body):
                    yield entry


def _fill(database: Database, history: History) -> None:
    at = database.filled(_PART)
    if at is None or not _is_of(at, history):
        with database.writing():
            for sql in _EMPTY:
                database.execute(sql)
        at = Filled(0, b"", 0)
    entries = history.entries(at.size)
    for size in range(at.size, history.size, STRIDE):
        stop = min(size + STRIDE, history.size)
        with database.writing():
            for _ in range(size, stop):
                _add(database, next(entries))
            database.set_filled(_PART, Filled(stop, history.leaf(stop - 1), history.ends[stop - 1]))


def _is_of(at: Filled, history: History) -> bool:
    return 0 < at.size <= history.size and history.leaf(at.size - 1) == at.leaf


def _add(database: Database, entry: Entry) -> None:
    body, seq = entry.body, entry.seq
    many = database.connection.executemany
    many(_ADD_ARTIFACT, [(path, digest, seq) for path, digest in _made(body).items()])
    many(_ADD_INPUT, [(digest, seq) for digest in _used(body)])
    for key, sql in _ADD_RUN.items():
        if (value := _run(body, key)) is not None:
            database.execute(sql, (value, seq))


def _made(body: Body) -> dict[str, str]:
    """BLAKE3 by path of what an entry vouches for."""
    if not vouches(body):
        return {}
    return {record["path"]: record["blake3"] for record in artifacts_of(body)}


def _used(body: Body) -> set[str]:
    """BLAKE3 of what an entry was made from; a release is made from the weights that it copies."""
    used = {record["blake3"] for record in inputs_of(body)}
    if release_name(body) is not None and (weights := weights_of(body)) is not None:
        used.add(weights)
    return used


def _run(body: Body, key: str) -> str | None:
    run = body.get("run")
    value = run.get(key) if isinstance(run, dict) else None
    return value if isinstance(value, str) else None
