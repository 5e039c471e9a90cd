"""What files hashed to last time, for recording them again without reading: never for verifying.

A file is taken as unchanged when device, inode, size, mtime and ctime are all as they were. Editing
it and setting the old mtime back is noticed (ctime moves on); only a clock that was set back hides
an edit. Git's rule for racy entries holds: a file that changed less than two seconds before it was
read is not remembered, since a later change could carry the same times.

The worst that a wrong or forged cache does is an entry with a wrong digest, which the next
verification refuses: that reads every byte and knows no cache. So the cache may live where the
user's other caches do, one small file for each recorded path. A damaged one is ignored; writers
replace it as a whole, so the last one wins.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from provenance.digest import IDENTITY, Identity

RACY_NS = 2_000_000_000
"""Nanoseconds: the coarsest time stamps of a file system in use (FAT's) tick every two seconds."""

UNUSED_S = 90 * 86_400.0
"""Seconds after which the memory of a path that nobody recorded again is dropped."""

_MAGIC = b"cairn stat cache 1\n"
_DIGEST = 32


@dataclass(frozen=True)
class Memory:
    """What is remembered of one recorded path.

    Args:
        digests: BLAKE3 (32 bytes) of each file, by its identity.
        fingerprint: over all names and identities of a folder; empty if some file was too young.
        root: the digest (32 bytes) of the folder that had this fingerprint.
    """

    digests: dict[Identity, bytes] = field(default_factory=dict)
    fingerprint: bytes = b""
    root: bytes = b""


def fingerprint_of(names: Sequence[str], identities: Sequence[Identity]) -> bytes:
    """32 bytes that differ when any name or identity differs, or their order."""
    text = b"".join(identities) + os.fsencode("\0".join(names))
    return blake3(text, derive_key_context="cairn provenance 2026 stat cache folder v1").digest()


def default_cache() -> Path:
    """$XDG_CACHE_HOME/cairn/hashes, by default ~/.cache/cairn/hashes (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "cairn" / "hashes"


class StatCache:
    """The memories of all recorded paths, in a folder of the user's cache.

    Args:
        folder: where they are; by default `default_cache()`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = default_cache() if folder is None else folder

    def recall(self, path: Path) -> Memory:
        """What was remembered of a path; empty if nothing was, or if it cannot be read."""
        try:
            data = self._place(path).read_bytes()
        except OSError:
            return Memory()
        body, check = data[:-_DIGEST], data[-_DIGEST:]
        start, width = len(_MAGIC) + 2 * _DIGEST, IDENTITY.size + _DIGEST
        if not body.startswith(_MAGIC) or blake3(body).digest() != check:
            return Memory()
        if len(body) < start or (len(body) - start) % width:
            return Memory()
        digests = {
            body[at : at + IDENTITY.size]: body[at + IDENTITY.size : at + width]
            for at in range(start, len(body), width)
        }
        fingerprint = body[len(_MAGIC) : len(_MAGIC) + _DIGEST]
        root = body[len(_MAGIC) + _DIGEST : start]
        whole = any(fingerprint)
        return Memory(digests, fingerprint if whole else b"", root if whole else b"")

    def remember(
        self,
        path: Path,
        names: Sequence[str],
        identities: Sequence[Identity],
        digests: Sequence[str],
        root: str,
        *,
        began_ns: int,
    ) -> None:
        """Keep what was found, where it is safe to; a cache that cannot be written is done without.

        Args:
            path: the file or folder recorded.
            names: the files in it, as listed; `[""]` for a file.
            identities: of these files, from before they were read.
            digests: of these files, in hex.
            root: the digest of the whole, in hex.
            began_ns: `time.time_ns()` from before the first file was looked at.
        """
        settled = [max(times) < began_ns - RACY_NS for times in map(_times, identities)]
        if all(settled):
            whole = fingerprint_of(names, identities) + bytes.fromhex(root)
        else:
            whole = bytes(2 * _DIGEST)
        records = (
            identity + bytes.fromhex(digest)
            for identity, digest, keep in zip(identities, digests, settled, strict=True)
            if keep
        )
        body = _MAGIC + whole + b"".join(records)
        with contextlib.suppress(OSError):
            self._write(self._place(path), body + blake3(body).digest())

    def _place(self, path: Path) -> Path:
        return self.folder / blake3(os.fsencode(path.absolute())).hexdigest(length=16)

    def _write(self, place: Path, data: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self._unused():
            old.unlink(missing_ok=True)
        # A name of its own for each writer: two of them may be at work.
        aside = self.folder / f"part-{os.getpid()}-{threading.get_ident()}"
        try:
            fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with open(fd, "wb") as file:
                file.write(data)
            aside.replace(place)
        except OSError:
            aside.unlink(missing_ok=True)
            raise

    def _unused(self) -> Iterator[Path]:
        limit = time.time() - UNUSED_S
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime < limit:
                    yield path


def _times(identity: Identity) -> tuple[int, int]:
    *_, content, inode = IDENTITY.unpack(identity)
    return content, inode
