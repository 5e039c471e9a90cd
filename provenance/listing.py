"""The listing of a folder: every file in it with size and digest, and one digest over all.

The folder's digest is the root of an RFC 6962 tree whose leaves are the canonical JSON lines of the
listing, sorted by code point, so that one file can later be proven to belong to a folder. The tree
hashes with BLAKE3 under its own context: no file's bytes can have the digest of a folder.
Empty subfolders hold no bytes and are not listed.
"""

from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import NamedTuple

from blake3 import blake3

from provenance import canonical
from provenance.errors import ProvenanceError
from provenance.paths import check_path
from provenance.tree import root_of


class ListedFile(NamedTuple):
    """One file: path inside the folder (forward slashes), size in bytes, BLAKE3 in hex."""

    path: str
    size: int
    blake3: str

    def line(self) -> bytes:
        """Canonical JSON, without a newline: a leaf of the folder's tree."""
        if self.size > canonical.LARGEST_INT:
            return canonical.encode(self._asdict())  # refuses it, and says why
        # As RFC 8785 writes it, ten times faster; its strings are escaped as Python's json does.
        path, digest = encode_basestring(self.path), encode_basestring(self.blake3)
        return f'{{"blake3":{digest},"path":{path},"size":{self.size}}}'.encode()


Listing = tuple[ListedFile, ...]


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
        size, blake3_hex = value["size"], value["blake3"]
        if type(size) is not int or not isinstance(blake3_hex, str):
            raise ProvenanceError(f"not a line of a folder listing: {line[:80]!r}")
        files.append(ListedFile(check_path(value["path"]), size, blake3_hex))
    if (found := listing_digest(files)) != digest:
        raise ProvenanceError(f"the listing of {digest[:8]}... has digest {found[:8]}...")
    return tuple(files)


_FOLDER = blake3(derive_key_context="cairn provenance 2026 folder listing v1")


def _folder_hash(data: bytes) -> bytes:
    return _FOLDER.copy().update(data).digest()
