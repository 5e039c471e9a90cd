"""What an embedded EVM chain had computed when it was last used.

Executing a transaction again takes some 40 ms, so a ledger of a thousand would take most of a
minute to open. This file keeps the chain's database beside the ledger. It is a cache: it counts
only for exactly the records it was made from, and may be deleted at any time.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from blake3 import blake3

Store = dict[bytes, bytes]

_TABLES = """
    create table if not exists state (key blob primary key, value blob not null) without rowid;
    create table if not exists made_from (count integer not null, digest blob not null);
"""


class StateCache:
    """A cache file; used under the ledger's lock only.

    Args:
        path: of the file.
        genesis: first line of the ledger.
    """

    def __init__(self, path: Path, genesis: Mapping[str, Any]) -> None:
        self._path = path
        self._genesis = genesis
        self._on_disk: Store = {}

    def load(self, records: Sequence[Mapping[str, Any]]) -> tuple[int, Store]:
        """How many of the records it covers, and the database after them; (0, {}) if none."""
        self._on_disk = {}
        try:
            with self._open() as file:
                made = file.execute("select count, digest from made_from").fetchone()
                if made is None or made[1] != self._digest(records[: made[0]]):
                    return 0, {}
                self._on_disk = dict(file.execute("select key, value from state"))
        except (sqlite3.Error, OSError, TypeError, ValueError):
            self.discard()
            return 0, {}
        return made[0], dict(self._on_disk)

    def save(self, records: Sequence[Mapping[str, Any]], store: Store) -> None:
        """Keep the database as it is after these records; a failure costs time later, no more."""
        new = [(key, value) for key, value in store.items() if self._on_disk.get(key) != value]
        try:
            with self._open() as file, file:
                if not self._on_disk:
                    file.execute("delete from state")
                file.executemany("insert or replace into state values (?, ?)", new)
                file.execute("delete from made_from")
                made = (len(records), self._digest(records))
                file.execute("insert into made_from values (?, ?)", made)
        except (sqlite3.Error, OSError):
            self.discard()
            return
        self._on_disk = dict(store)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as file:
            file.executescript(_TABLES)
            yield file

    def discard(self) -> None:
        """Begin anew."""
        self._on_disk = {}
        with suppress(OSError):
            self._path.unlink()

    def _digest(self, records: Sequence[Mapping[str, Any]]) -> bytes:
        digest = blake3()
        for record in (self._genesis, *records):
            digest.update(json.dumps(record, sort_keys=True).encode() + b"\n")
        return digest.digest()
