"""BLAKE3 of a file, read in pieces, that notices when the file changes meanwhile.

Reading beats mapping here: a mapped file that someone truncates kills the process with SIGBUS,
while a read sees a short file and can say so. It costs about a third more CPU.
One thread a file: BLAKE3 then outruns most disks, and more threads cost a quarter more CPU.
"""

import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from provenance.errors import ChangedWhileHashingError, UnhashableError

CHUNK = 1 << 17
"""Bytes per read: they stay in the processor's own cache until they are hashed. A mebibyte cost a
tenth more CPU on a busy machine, and twice as much for the first file of a process."""

Identity = bytes
"""Device, inode, bytes, and nanoseconds of the last change of content and of the inode, packed."""

IDENTITY = struct.Struct("<QQqqq")


@dataclass(frozen=True)
class FileDigest:
    """Size in bytes and BLAKE3 (64 lowercase hex digits) of a file's content."""

    size: int
    blake3: str


def identity_of(status: os.stat_result) -> Identity:
    """What a file cannot keep when its content changes, short of a clock that was set back."""
    return IDENTITY.pack(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


def digest_file(
    path: Path | str,
    buffer: bytearray | None = None,
    expected: Identity | None = None,
    advance: Callable[[int], None] | None = None,
) -> FileDigest:
    """Hash a regular file.

    Args:
        path: the file; a symbolic link is refused, not followed.
        buffer: room to read into, for callers that hash many files.
        expected: the identity it was listed with; another file in its place, such as one reached
            through a folder that became a link, is refused.
        advance: called with the number of bytes after each read.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        UnhashableError: not a regular file, or not readable.
        ChangedWhileHashingError: size or times differ before and after, or from `expected`.
    """
    hasher = blake3()
    size = feed_file(path, hasher.update, buffer, expected, advance)
    return FileDigest(size, hasher.hexdigest())


def feed_file(
    path: Path | str,
    feed: Callable[[memoryview], object],
    buffer: bytearray | None = None,
    expected: Identity | None = None,
    advance: Callable[[int], None] | None = None,
) -> int:
    """Hand all bytes of a regular file to `feed`, piece by piece; the rest as `digest_file`.

    Returns:
        its size in bytes.
    """
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnhashableError(f"{path}: {_why_not_opened(path, error)}") from error
    try:
        room = bytearray(CHUNK) if buffer is None else buffer
        return _feed_open_file(fd, path, feed, room, expected, advance)
    finally:
        os.close(fd)


def describe_mode(mode: int) -> str:
    """What kind of thing a file mode is, for messages."""
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
        stat.S_IFDIR: "a folder",
    }
    return kinds[stat.S_IFMT(mode)]


def _why_not_opened(path: Path | str, error: OSError) -> str:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return f"cannot be read ({error.strerror})"
    if stat.S_ISREG(mode):
        return f"cannot be read ({error.strerror})"
    return f"is {describe_mode(mode)}, only regular files are hashed"


def _feed_open_file(
    fd: int,
    path: Path | str,
    feed: Callable[[memoryview], object],
    buffer: bytearray,
    expected: Identity | None,
    advance: Callable[[int], None] | None,
) -> int:
    before = os.fstat(fd)
    if not stat.S_ISREG(before.st_mode):
        raise UnhashableError(
            f"{path}: is {describe_mode(before.st_mode)}, only regular files are hashed"
        )
    identity = identity_of(before)
    if expected is not None and identity != expected:
        raise ChangedWhileHashingError(
            f"{path}: changed, or was replaced, after its folder was listed: let its writer "
            "finish, then try again"
        )
    view, size = memoryview(buffer), 0
    try:
        while count := os.readv(fd, [buffer]):
            feed(view[:count])
            size += count
            if advance is not None:
                advance(count)
    except OSError as error:
        raise UnhashableError(f"{path}: cannot be read ({error.strerror})") from error
    after = os.fstat(fd)
    if size != before.st_size or identity != identity_of(after):
        raise ChangedWhileHashingError(
            f"{path}: changed while hashing ({before.st_size} bytes before, {size} read, "
            f"{after.st_size} after): let its writer finish, then try again"
        )
    return size
