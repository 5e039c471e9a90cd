"""The digest of a file or a folder: several files at once, with progress, and with what is known.

A `StatCache` is for recording. Verification gives none, so it reads every byte.
"""

import os
import stat
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from provenance.digest import CHUNK, Identity, digest_file, identity_of
from provenance.errors import ChangedWhileHashingError, UnhashableError
from provenance.listing import ListedFile, Listing, listing_digest
from provenance.stat_cache import Memory, StatCache, fingerprint_of
from provenance.walk import Walked, check_names, walk

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all, now and then, from one thread at a time."""

WORKERS = min(8, os.cpu_count() or 1)
"""Files read at once: BLAKE3 lets go of Python's lock, and eight readers keep any disk busy."""

LARGE = 1 << 20
"""Bytes from which a file is given to a thread. Opening small files is mostly Python's own work:
10,000 files of 4 KiB took four times as long with two threads as with one."""

SERIAL_BELOW = 32 << 20
"""Bytes in large files below which starting threads is not worth it."""


@dataclass(frozen=True)
class Measured:
    """Digest (64 hex digits) and bytes of a file or folder; the listing of a folder."""

    digest: str
    size: int
    files: Listing = ()


def measure(
    path: Path,
    cache: StatCache | None = None,
    progress: Progress | None = None,
    *,
    hard_links: bool = True,
) -> Measured:
    """Hash a file, or every file of a folder; arguments and errors as `Artifact.of`.

    Raises:
        FileNotFoundError: there is nothing at `path`.
    """
    began = time.time_ns()
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        return _measure_folder(path, cache, progress, hard_links, began)
    if status.st_nlink > 1 and not hard_links:
        _refuse_link(path)
    return _measure_file(path, status, cache, progress, began)


def list_folder(
    folder: Path,
    cache: StatCache | None = None,
    progress: Progress | None = None,
    *,
    hard_links: bool = True,
) -> Listing:
    """Every file below a folder with size and digest, sorted by path; as `measure` otherwise."""
    return _measure_folder(folder, cache, progress, hard_links, time.time_ns()).files


def _measure_file(
    path: Path,
    status: os.stat_result,
    cache: StatCache | None,
    progress: Progress | None,
    began: int,
) -> Measured:
    tell = _Teller(progress, status.st_size)
    if cache is None:
        found = digest_file(path, advance=tell.advance)
        return Measured(found.blake3, found.size)
    identity = identity_of(status)
    if stat.S_ISREG(status.st_mode):
        known = cache.recall(path).digests.get(identity)
        if known is not None:
            tell(status.st_size)
            return Measured(known.hex(), status.st_size)
    found = digest_file(path, expected=identity, advance=tell.advance)
    cache.remember(path, [""], [identity], [found.blake3], found.blake3, began_ns=began)
    return Measured(found.blake3, found.size)


def _measure_folder(
    folder: Path, cache: StatCache | None, progress: Progress | None, hard_links: bool, began: int
) -> Measured:
    seen = walk(folder)
    if not hard_links and seen.linked and (outside := seen.linked_outside()):
        _refuse_link(folder / outside[0])
    sizes = seen.sizes()
    total = sum(sizes)
    tell = _Teller(progress, total)
    memory = cache.recall(folder) if cache is not None else Memory()
    digests = [memory.digests.get(identity, b"").hex() for identity in seen.identities]
    if all(digests) and memory.fingerprint == fingerprint_of(seen.names, seen.identities):
        tell(total)
        return Measured(memory.root.hex(), total, _listing(seen.names, sizes, digests))
    check_names(folder, seen.names)
    _read_unknown(folder, seen, digests, tell)
    if walk(folder) != seen:
        raise ChangedWhileHashingError(
            f"{folder}: files came, went or changed while it was hashed: let their writer finish, "
            "then try again"
        )
    files = _listing(seen.names, sizes, digests)
    root = listing_digest(files)
    if cache is not None:
        cache.remember(folder, seen.names, seen.identities, digests, root, began_ns=began)
    return Measured(root, total, files)


def _listing(names: Sequence[str], sizes: Sequence[int], digests: Sequence[str]) -> Listing:
    return tuple(map(ListedFile._make, zip(names, sizes, digests, strict=True)))


def _read_unknown(folder: Path, seen: Walked, digests: list[str], tell: "_Teller") -> None:
    """Put in the digests that are still "", from the files' bytes."""
    base, sizes = os.fspath(folder), seen.sizes()
    unknown = [index for index, digest in enumerate(digests) if not digest]
    work = sum(sizes[index] for index in unknown)
    tell(sum(sizes) - work)

    def read(indices: Sequence[int]) -> None:
        buffer = bytearray(CHUNK)
        for index in indices:
            path = f"{base}/{seen.names[index]}"
            digests[index] = _read_one(path, buffer, seen.identities[index], tell)

    large = [index for index in unknown if sizes[index] >= LARGE]
    if WORKERS < 2 or len(large) < 2 or sum(sizes[index] for index in large) < SERIAL_BELOW:
        read(unknown)
        return
    from concurrent.futures import ThreadPoolExecutor  # here: 5 ms that few calls need

    pool = ThreadPoolExecutor(WORKERS)
    try:
        pending = [pool.submit(read, [index]) for index in large]
        read([index for index in unknown if sizes[index] < LARGE])
        for done in pending:
            done.result()
    finally:
        pool.shutdown(cancel_futures=True)  # after an error or Ctrl-C, nothing more is begun


def _read_one(path: str, buffer: bytearray, expected: Identity, tell: "_Teller") -> str:
    try:
        return digest_file(path, buffer, expected, tell.advance).blake3
    except FileNotFoundError:
        raise ChangedWhileHashingError(f"{path}: disappeared while the folder was hashed") from None


def _refuse_link(path: Path) -> None:
    raise UnhashableError(
        f"{path}: has a further name, a hard link, elsewhere, by which its bytes can be changed: "
        "copy it (`cp --reflink=auto`), or allow hard links"
    )


class _Teller:
    """Adds up bytes from all threads and passes them on."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        self._lock = threading.Lock()
        self.advance = None if progress is None else self

    def __call__(self, count: int) -> None:
        if self._progress is not None:
            with self._lock:
                self._done += count
                self._progress(self._done, self._total)
