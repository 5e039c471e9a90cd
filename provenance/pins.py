"""Pins: what this user has seen of each log, kept beside the private key and away from the log.

A log that is rolled back as a whole, or replaced by another one, is valid in itself. It takes a
memory outside of it to notice. Per log: the largest (size, root) seen; per folder: its log.
"""

import json
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from provenance.checkpoint import ROOT_BYTES, Checkpoint, log_id
from provenance.durable import locked, replace_file
from provenance.errors import KeyStoreError, Reason, TamperedError
from provenance.tree import blake3_hash


@dataclass(frozen=True)
class Place:
    """Which log a folder holds.

    Args:
        origin: of the log that was made or first seen there.
        replaced: how many entries an earlier log at the same place had when it was last seen.
    """

    origin: str
    replaced: int


@dataclass(frozen=True)
class Pins:
    """The pins of one key store."""

    keys: Path

    def of(self, origin: str) -> Checkpoint | None:
        """The largest head of a log that was seen, or None if it never was.

        Raises:
            KeyStoreError: the pin is damaged.
        """
        value = _read(self._pin_file(origin), {"origin": str, "size": int, "root": str})
        if value is None:
            return None
        try:
            root = bytes.fromhex(value["root"])
        except ValueError:
            root = b""
        if value["origin"] != origin or value["size"] < 0 or len(root) != ROOT_BYTES:
            raise _damaged(self._pin_file(origin))
        return Checkpoint(origin, value["size"], root)

    def place(self, folder: Path) -> Place | None:
        """Which log was last seen in a folder."""
        shape = {"folder": str, "origin": str, "replaced": int}
        value = _read(self._place_file(folder), shape)
        return None if value is None else Place(value["origin"], value["replaced"])

    def advance(self, head: Checkpoint) -> None:
        """Remember a head that was verified; never moves back."""
        pinned = self.of(head.origin)
        if pinned is not None and pinned.size >= head.size:
            return
        with self._locked():
            pinned = self.of(head.origin)  # again: another process may have been faster
            if pinned is None or pinned.size < head.size:
                value = {"origin": head.origin, "size": head.size, "root": head.root.hex()}
                _write(self._pin_file(head.origin), value)

    def settle(self, folder: Path, origin: str) -> None:
        """Remember which log a folder holds, and what was there before if it was another one."""
        before = self.place(folder)
        if before is not None and before.origin == origin:
            return
        replaced = 0
        if before is not None:
            earlier = self.of(before.origin)
            replaced = max(before.replaced, 0 if earlier is None else earlier.size)
        with self._locked():
            value = {"folder": str(folder.resolve()), "origin": origin, "replaced": replaced}
            _write(self._place_file(folder), value)

    def _pin_file(self, origin: str) -> Path:
        return self.keys / "pins" / f"{log_id(origin)}.json"

    def _place_file(self, folder: Path) -> Path:
        name = blake3_hash(os.fsencode(folder.resolve())).hex()[:32]
        return self.keys / "places" / f"{name}.json"

    def _locked(self) -> AbstractContextManager[None]:
        for name in ("pins", "places"):
            (self.keys / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        return locked(self.keys / "pins" / "lock")


def check_against_pin(head: Checkpoint, pinned: Checkpoint | None) -> None:
    """Compare a log's head with the pin where that takes no reading of entries.

    Raises:
        TamperedError: ROLLED_BACK if entries that were seen are gone, HISTORY_REWRITTEN if the same
            number of entries has another root.
    """
    if pinned is None:
        return
    if head.size < pinned.size:
        raise TamperedError(
            f"the log holds {head.size} entries, but {pinned.size} were seen before: "
            "it was rolled back; restore its folder from a copy",
            Reason.ROLLED_BACK,
        )
    if head.size == pinned.size:
        check_prefix(head.root, pinned)


def check_prefix(root: bytes, pinned: Checkpoint) -> None:
    """Compare the root over the first `pinned.size` entries with the pinned one.

    Raises:
        TamperedError: HISTORY_REWRITTEN.
    """
    if root != pinned.root:
        raise TamperedError(
            f"the first {pinned.size} entries are not those seen before (root {root.hex()[:8]}..., "
            f"pinned {pinned.root.hex()[:8]}...): two histories were signed for this log",
            Reason.HISTORY_REWRITTEN,
        )


def _read(path: Path, shape: dict[str, type]) -> dict[str, Any] | None:
    try:
        value = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(path) from error
    if not isinstance(value, dict) or {key: type(value[key]) for key in value} != shape:
        raise _damaged(path)
    return value


def _write(path: Path, value: dict[str, object]) -> None:
    # After a crash an older pin will do, so the name is not waited for.
    data = json.dumps(value, sort_keys=True).encode() + b"\n"
    replace_file(path, data, mode=0o600, named=False)


def _damaged(path: Path) -> KeyStoreError:
    return KeyStoreError(
        f"the pin {path} cannot be read: restore it, or delete it if you accept the log as it is"
    )
