"""The listing of a folder: every file in it with size and digest, and one digest over all.

The folder's digest is the root of an RFC 6962 tree whose leaves are the canonical JSON lines of the
listing, sorted by code point, so that one file can later be proven to belong to a folder. The tree
hashes with BLAKE3 under its own context: no file's bytes can have the digest of a folder.
Empty subfolders hold no bytes and are not listed.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from provenance import canonical
from provenance.digest import CHUNK, describe_mode, digest_file
from provenance.errors import (
    BadPathError,
    ChangedWhileHashingError,
    ProvenanceError,
    UnhashableError,
)
from provenance.paths import check_path
from provenance.tree import root_of


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file: path inside the folder (forward slashes), size in bytes, BLAKE3 in hex."""

    path: str
    size: int
    blake3: str

    def line(self) -> bytes:
        """Canonical JSON, without a newline: a leaf of the folder's tree."""
        return canonical.encode({"blake3": self.blake3, "path": self.path, "size": self.size})


Listing = tuple[ListedFile, ...]


def list_folder(folder: Path) -> Listing:
    """Hash every file below a folder, sorted by path.

    Raises:
        FileNotFoundError: there is no such folder.
        UnhashableError: a link, pipe, socket or device in it, a name that is not portable, no
            permission, or no file at all.
        ChangedWhileHashingError: files came, went or changed meanwhile.
    """
    names = _walk(folder)
    if not names:
        raise UnhashableError(f"{folder}: holds no files, an empty folder proves nothing")
    buffer = bytearray(CHUNK)
    files = []
    for name in names:
        try:
            found = digest_file(folder / name, buffer)
        except FileNotFoundError:
            raise ChangedWhileHashingError(
                f"{folder / name}: disappeared while the folder was hashed"
            ) from None
        files.append(ListedFile(name, found.size, found.blake3))
    if _walk(folder) != names:
        raise ChangedWhileHashingError(f"{folder}: files came or went while it was hashed")
    return tuple(files)


def listing_digest(files: Sequence[ListedFile]) -> str:
    """The digest of a folder with this listing, as 64 hex digits."""
    return root_of((file.line() for file in files), _folder_hash).hex()


def encode_listing(files: Sequence[ListedFile]) -> bytes:
    """The listing as JSON lines."""
    return b"".join(file.line() + b"\n" for file in files)


def decode_listing(data: bytes, digest: str) -> Listing:
    """Read a listing back, and believe it only if it has this digest.

    Raises:
        ProvenanceError: it is not the listing with that digest.
    """
    files = []
    for line in data.splitlines():
        value = canonical.decode(line)
        if not isinstance(value, dict) or set(value) != {"blake3", "path", "size"}:
            raise ProvenanceError(f"not a line of a folder listing: {line[:80]!r}")
        files.append(ListedFile(check_path(value["path"]), value["size"], value["blake3"]))
    if (found := listing_digest(files)) != digest:
        raise ProvenanceError(f"the listing of {digest[:8]}... has digest {found[:8]}...")
    return tuple(files)


def _folder_hash(data: bytes) -> bytes:
    return blake3(data, derive_key_context="cairn provenance 2026 folder listing v1").digest()


def _walk(folder: Path) -> list[str]:
    """Paths of all files below `folder`, sorted by code point."""
    names: list[str] = []
    pending = [""]
    while pending:
        prefix = pending.pop()
        try:
            with os.scandir(folder / prefix) as found:
                for item in found:
                    name = prefix + item.name
                    mode = item.stat(follow_symlinks=False).st_mode
                    if stat.S_ISDIR(mode):
                        pending.append(name + "/")
                    else:
                        names.append(_checked(folder, name, mode))
        except FileNotFoundError:
            if not folder.exists():
                raise
            raise ChangedWhileHashingError(f"{folder}: changed while it was listed") from None
        except OSError as error:
            raise UnhashableError(
                f"{folder / prefix}: cannot be listed ({error.strerror})"
            ) from error
    return sorted(names)


def _checked(folder: Path, name: str, mode: int) -> str:
    if not stat.S_ISREG(mode):
        raise UnhashableError(
            f"{folder / name}: is {describe_mode(mode)}, only regular files are hashed"
        )
    try:
        return check_path(name)
    except BadPathError as error:
        raise UnhashableError(f"{folder}: {error}") from error
