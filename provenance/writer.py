"""Appending: what is acknowledged is on disk and signed; what is not leaves the log as it was.

    lock -> verify head -> tail (cache, else replay) -> set aside what lies past it -> write lines
    -> fsync -> sign -> write checkpoint aside, fsync, rename, fsync folder (= the commit)
    -> cache -> pin

A crash before the rename leaves bytes past the committed end. They are never adopted, for an
attacker may have written them; they are kept as orphan-* for a person to look at.
"""

import contextlib
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from blake3 import blake3

from provenance.body import Body
from provenance.checkpoint import Checkpoint
from provenance.digest import CHUNK
from provenance.durable import fsync_folder, replace_file, write_all
from provenance.entry import Entry, encode_line
from provenance.errors import LogError, ProvenanceWarning
from provenance.layout import Layout
from provenance.note import Signer, sign_note
from provenance.state import Tail, encode_state
from provenance.tree import Frontier, leaf_hash


@dataclass(frozen=True)
class Batch:
    """Lines that are committed together.

    Args:
        entries: what the caller gets back.
        data: the lines' bytes.
        checkpoint: the head after them.
        state: the cache after them.
        tail: where the log ends after them.
    """

    entries: list[Entry]
    data: bytes
    checkpoint: Checkpoint
    state: bytes
    tail: Tail


def prepare(origin: str, tail: Tail, bodies: Sequence[tuple[Body, bytes]]) -> Batch:
    """Lay out at least one new line after the tail; touches no file.

    Args:
        bodies: each with its canonical bytes.
    """
    frontier, prev, end = tail.frontier.copy(), tail.last, tail.end
    entries, lines, state = [], [], b""
    for body, data in bodies:
        line = encode_line(data, prev, frontier.size)
        prev = leaf_hash(line)
        entries.append(Entry(frontier.size, dict(body), prev.hex()))
        lines.append(line + b"\n")
        start, end = end, end + len(line) + 1
        if len(entries) == len(bodies):
            state = encode_state(frontier, prev, start, end)
        frontier.push(prev)
    checkpoint = Checkpoint(origin, frontier.size, frontier.root())
    return Batch(entries, b"".join(lines), checkpoint, state, Tail(frontier, prev, end))


def commit(layout: Layout, tail: Tail, batch: Batch, signers: Sequence[Signer]) -> None:
    """Write a batch; the caller holds the lock and has set aside what lay past the tail.

    Raises:
        LogError: not committed (or, once the checkpoint is in place, not known to be on disk).
    """
    try:
        _write_entries(layout, tail.end, batch.data)
        replace_file(layout.checkpoint, sign_note(batch.checkpoint.text(), signers))
    except OSError as error:
        raise LogError(
            f"nothing was acknowledged: {error.filename or layout.folder}: {error.strerror}; the "
            f"log holds its {tail.frontier.size} entries, make room or mend the disk and try again"
        ) from error
    with contextlib.suppress(OSError):  # only a cache: without it the next append reads all entries
        replace_file(layout.state, batch.state, durable=False)


def begin(layout: Layout, origin: str, signers: Sequence[Signer]) -> Checkpoint:
    """Sign a head of size 0: from now on a missing head is no new log. The caller holds a lock."""
    checkpoint = Checkpoint(origin, 0, Frontier().root())
    replace_file(layout.checkpoint, sign_note(checkpoint.text(), signers))
    return checkpoint


def make_durable(layout: Layout) -> None:
    """Wait until the last commit is on disk, where the one who made it may have been killed.

    Raises:
        LogError: the disk refuses.
    """
    try:
        fsync_folder(layout.folder)
    except OSError as error:
        raise LogError(f"{layout.folder}: {error.strerror}; try again") from error


def set_aside(layout: Layout, tail: Tail) -> None:
    """Move bytes past the committed end into orphan-SIZE-HASH and warn; the caller holds the lock.

    Raises:
        LogError: the disk refuses; nothing is lost.
    """
    try:
        if not layout.entries.exists() or layout.entries.stat().st_size == tail.end:
            return
        name = _move_orphan(layout, tail)
    except OSError as error:
        raise LogError(
            f"{layout.folder}: {error.strerror}; bytes past its end stay there"
        ) from error
    warnings.warn(
        f"{layout.entries} had bytes after entry {tail.frontier.size - 1} that were never "
        f"committed (an interrupted or foreign append): moved to {name}",
        ProvenanceWarning,
        stacklevel=2,
    )


def _move_orphan(layout: Layout, tail: Tail) -> str:
    aside, hasher = layout.folder / "orphan.tmp", blake3()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with layout.entries.open("r+b") as entries:
        copy = os.open(aside, flags, 0o644)
        try:
            entries.seek(tail.end)
            while data := entries.read(CHUNK):
                hasher.update(data)
                write_all(copy, data)
            os.fsync(copy)
        finally:
            os.close(copy)
        name = f"orphan-{tail.frontier.size}-{hasher.hexdigest()[:16]}"
        aside.replace(layout.folder / name)
        fsync_folder(layout.folder)  # the copy's name must be on disk before the original goes
        entries.truncate(tail.end)
        os.fsync(entries.fileno())
    return name


def _write_entries(layout: Layout, end: int, data: bytes) -> None:
    fd = os.open(layout.entries, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        os.lseek(fd, end, os.SEEK_SET)
        try:
            write_all(fd, data)
            os.fsync(fd)  # if it fails, the bytes count as not written: fsync is not tried again
        except OSError:
            _cut(fd, end)
            raise
    finally:
        os.close(fd)


def _cut(fd: int, end: int) -> None:
    with contextlib.suppress(OSError):  # the next append sets aside what remains
        os.ftruncate(fd, end)
