"""Read a file, but only the very bytes that were promised.

The provenance library, which names the error, is imported when there is one: it costs a fifth of
the memory that a small deployed model needs.
"""

import os
import stat
from pathlib import Path
from typing import NoReturn

from blake3 import blake3

CHUNK = 1 << 20


def read_verified(path: Path, digest: str) -> bytes:
    """The bytes of a file, if they are the right ones.

    Raises:
        TamperedError: they are not, or there is no such regular file.
    """
    try:
        with os.fdopen(_opened(path), "rb") as file:
            data = file.read()
    except OSError as error:
        _missing(path, digest, error)
    _compare(path, digest, blake3(data).hexdigest())
    return data


def verify_file(path: Path, digest: str) -> None:
    """As `read_verified`, without holding the file in memory.

    Raises:
        TamperedError: the bytes are not the right ones, or there is no such regular file.
    """
    hasher = blake3()
    try:
        with os.fdopen(_opened(path), "rb", buffering=0) as file:
            while data := file.read(CHUNK):
                hasher.update(data)
    except OSError as error:
        _missing(path, digest, error)
    _compare(path, digest, hasher.hexdigest())


def _opened(path: Path) -> int:
    # Neither follow a link nor wait for ever at a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(22, "not a regular file")
    return descriptor


def _missing(path: Path, digest: str, error: OSError) -> NoReturn:
    from provenance import Reason, TamperedError

    raise TamperedError(
        f"{path}: expected blake3 {digest[:8]}..., found nothing to read ({error.strerror})",
        Reason.ARTIFACT_MISSING,
        path=str(path),
    ) from None


def _compare(path: Path, digest: str, found: str) -> None:
    if found == digest:
        return
    from provenance import Reason, TamperedError

    raise TamperedError(
        f"{path}: expected blake3 {digest[:8]}..., found {found[:8]}...; this is not the model "
        "that was released: restore the file, or release the model again",
        Reason.ARTIFACT_CHANGED,
        path=str(path),
    )
