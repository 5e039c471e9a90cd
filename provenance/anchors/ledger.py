"""The ledger of an embedded chain: its transactions on disk, executed again when it is opened.

An embedded chain lives in this process. So that an anchor of yesterday can be checked today, every
transaction is kept in the order of execution, outside the log's folder (KEYS/devnets/NAME.jsonl).

It is a rehearsal of the real thing and a witness on this machine: putting an old copy of the log
back does not put the ledger back. It proves nothing to anybody else, for its owner can rewrite it.
"""

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from provenance.anchors.chain import ChainUnavailableError
from provenance.durable import fsync_folder, locked, write_all
from provenance.errors import LogError

Record = dict[str, Any]

LONGEST_LINE = 1 << 16


class Ledger:
    """An append-only file of JSON lines, held exclusively from `open` to `close`.

    Attributes:
        genesis: what the chain began with; its first line.
        records: everything executed since, in order.
    """

    def __init__(self, path: Path, held: ExitStack, genesis: Record, records: list[Record]) -> None:
        self._path = path
        self._held = held
        self.genesis = genesis
        self.records = records

    @classmethod
    def open(cls, path: Path, genesis: Mapping[str, Any], wait_seconds: float) -> "Ledger":
        """Open or begin a ledger.

        Args:
            path: the file; its folder is made.
            genesis: first line of a new ledger; an existing one keeps its own.
            wait_seconds: how long another process may hold it.

        Raises:
            ChainUnavailableError: held by another process, unreadable, or no ledger.
        """
        held = ExitStack()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            held.enter_context(locked(path.with_suffix(".lock"), wait_seconds))
            if not path.exists() or path.stat().st_size == 0:
                _append(path, dict(genesis))
                fsync_folder(path.parent)
            lines = _read(path)
        except (OSError, LogError) as error:
            held.close()
            raise ChainUnavailableError(f"the embedded chain {path.stem}: {error}") from error
        except BaseException:
            held.close()
            raise
        return cls(path, held, lines[0], lines[1:])

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a record; it is on disk when this returns.

        Raises:
            ChainUnavailableError: disk full or read-only; the record does not count.
        """
        end = self._path.stat().st_size
        try:
            _append(self._path, dict(record))
        except OSError as error:
            os.truncate(self._path, end)
            raise ChainUnavailableError(f"{self._path} cannot be written ({error})") from error
        self.records.append(dict(record))

    def close(self) -> None:
        """Let others have it."""
        self._held.close()


def _append(path: Path, record: Record) -> None:
    line = json.dumps(record, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    if len(line) > LONGEST_LINE:
        raise ChainUnavailableError(f"{path}: a record of {len(line)} bytes is too long")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, 0o600)
    try:
        write_all(fd, line)
        os.fsync(fd)
    finally:
        os.close(fd)


def _read(path: Path) -> list[Record]:
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):  # killed while writing: that record was never acknowledged
        os.truncate(path, whole)
    lines: list[Record] = []
    for number, line in enumerate(data[:whole].splitlines()):
        try:
            value = orjson.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ChainUnavailableError(
                f"the embedded ledger {path} is damaged at line {number + 1}: restore it, or move "
                "it away and anchor anew"
            )
        lines.append(value)
    if not lines:
        raise ChainUnavailableError(f"the embedded ledger {path} is empty: remove it")
    return lines
