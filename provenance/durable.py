"""Files that survive a crash: write aside, fsync, rename, fsync the folder; and a lock."""

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from provenance.errors import LogBusyError, LogError

LOCK_PATIENCE_S = 60.0
"""Far longer than any append takes; whoever holds the lock that long is stopped or stuck."""


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; one `os.write` may write fewer."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def replace_file(
    path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True, named: bool = True
) -> None:
    """Give a file new content at once: readers see the old bytes or the new, never a mixture.

    The caller holds a lock: the temporary name is fixed, so that a crash leaves one at most.

    Args:
        durable: wait until the content has reached the disk; caches need not.
        named: wait until the new name has, too; without it a crash may leave the old content.
    """
    aside = path.with_name(path.name + ".tmp")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        write_all(fd, data)
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)
    aside.replace(path)
    if durable and named:
        fsync_folder(path.parent)


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; a pipe or a device in its place is no reason to wait.

    Raises:
        OSError: as `open`; EINVAL where it is no regular file.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(fd, "rb")


def fsync_folder(folder: Path) -> None:
    """Wait until names created, renamed or removed in a folder have reached the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def locked(path: Path, patience_s: float = LOCK_PATIENCE_S) -> Iterator[None]:
    """Hold an exclusive lock; the kernel lets go when the process ends, however it ends.

    flock on a file opened each time excludes threads as well as processes; fcntl's locks would not,
    and closing any other handle of the file would silently drop them.

    Raises:
        LogBusyError: someone held the lock for `patience_s` seconds.
        LogError: the lock file cannot be opened.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LogError(f"{path} cannot be opened for writing ({error.strerror})") from error
    try:
        deadline = time.monotonic() + patience_s
        while not _try_lock(fd):
            if time.monotonic() > deadline:
                raise LogBusyError(
                    f"{path} has been locked for {patience_s:.0f} s: find the process that holds "
                    "it (lsof, fuser) and let it finish"
                )
            time.sleep(0.005)
        yield
    finally:
        os.close(fd)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
