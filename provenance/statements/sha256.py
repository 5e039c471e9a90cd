"""SHA-256 and BLAKE3 of the same bytes, from one read.

Cairn's own digests are BLAKE3. SHA-256 is here because foreign formats ask for it: in-toto
recommends it for subjects, and a model signature's root digest is always SHA-256 (OMS 1.0).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from blake3 import blake3
from cryptography.hazmat.primitives import hashes

from provenance.digest import feed_file

LENGTHS = {"sha256": 32, "blake3": 32, "blake2b": 64}
"""Bytes of the digests that model signatures may use (OMS 1.0: sha256 needed, others allowed)."""


class Hasher(Protocol):
    """What all hash functions here can do."""

    def update(self, data: memoryview, /) -> object: ...

    def digest(self) -> bytes: ...


def sha256(data: bytes) -> bytes:
    """The 32 bytes of SHA-256 (FIPS 180-4)."""
    hasher = hashes.Hash(hashes.SHA256())
    hasher.update(data)
    return hasher.finalize()


def digests_of(path: Path, algorithms: Iterable[str] = ("blake3", "sha256")) -> dict[str, str]:
    """Hash a regular file with several functions while reading it once.

    Args:
        path: the file; a symbolic link is refused, not followed.
        algorithms: names from `LENGTHS`, or "md5" to compare with what DVC wrote.

    Returns:
        lowercase hex digits by name.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        UnhashableError: not a regular file, or not readable.
        ChangedWhileHashingError: size or times differ before and after.
    """
    hashers = {name: _new(name) for name in algorithms}

    def feed(piece: memoryview) -> None:
        for hasher in hashers.values():
            hasher.update(piece)

    feed_file(path, feed)
    return {name: hasher.digest().hex() for name, hasher in hashers.items()}


class _Foreign:
    """A function of `cryptography`, with the method that hash objects usually have."""

    def __init__(self, algorithm: hashes.HashAlgorithm) -> None:
        self._hash = hashes.Hash(algorithm)

    def update(self, data: memoryview, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return self._hash.finalize()


def _new(name: str) -> Hasher:
    if name == "blake3":
        return blake3()
    if name == "blake2b":
        return _Foreign(hashes.BLAKE2b(64))
    # MD5 proves nothing: it is compared with dvc.lock, never relied upon.
    return _Foreign(hashes.SHA256() if name == "sha256" else hashes.MD5())  # noqa: S303
