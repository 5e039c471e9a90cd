"""Merkle trees as in RFC 6962, section 2.1, over any hash function.

    leaf = H(0x00 || data)     node = H(0x01 || left || right)     empty tree = H("")

The two prefixes keep an inner node from being passed off as a leaf. The log and folder listings use
BLAKE3; the hash function is a parameter so that the public SHA-256 vectors test this very code.
Proofs about such trees are in `proofs`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import overload

from blake3 import blake3

Hash = Callable[[bytes], bytes]
"""Digest of bytes, of a fixed length."""


_LEAF_BYTES = 32


def blake3_hash(data: bytes) -> bytes:
    """BLAKE3, 32 bytes: the log's hash function."""
    return blake3(data).digest()


def leaf_hash(data: bytes, digest: Hash = blake3_hash) -> bytes:
    """Hash of one leaf."""
    return digest(b"\x00" + data)


def node_hash(left: bytes, right: bytes, digest: Hash = blake3_hash) -> bytes:
    """Hash of an inner node."""
    return digest(b"\x01" + left + right)


@dataclass
class Frontier:
    """The roots of the full subtrees of a tree, largest first: all that appending needs.

    Args:
        size: number of leaves.
        peaks: one hash per set bit of `size`.
        digest: the hash function.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)
    digest: Hash = blake3_hash

    def __post_init__(self) -> None:
        if len(self.peaks) != self.size.bit_count():
            raise ValueError(
                f"{len(self.peaks)} peaks for {self.size} leaves: {self.size.bit_count()} needed"
            )

    def push(self, leaf: bytes) -> None:
        """Append a leaf hash; amortised O(1)."""
        rest = self.size
        self.size = rest + 1
        if rest & 1:
            digest, peaks = self.digest, self.peaks
            while rest & 1:  # each trailing full subtree is the left sibling of what was built
                leaf = digest(b"\x01" + peaks.pop() + leaf)
                rest >>= 1
        self.peaks.append(leaf)

    def root(self) -> bytes:
        """Root hash of the tree so far; O(log n)."""
        if not self.peaks:
            return self.digest(b"")
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root, self.digest)
        return root

    def copy(self) -> "Frontier":
        """An independent frontier of the same tree."""
        return Frontier(self.size, list(self.peaks), self.digest)


class Leaves(Sequence[bytes]):
    """Leaf hashes of 32 bytes side by side: a list of objects would take three times the memory."""

    def __init__(self) -> None:
        self._data = bytearray()

    def append(self, leaf: bytes) -> None:
        """Add one at the end."""
        self._data += leaf

    def __len__(self) -> int:
        return len(self._data) // _LEAF_BYTES

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(f"leaf {index} of {len(self)}")
        return bytes(self._data[index * _LEAF_BYTES : (index + 1) * _LEAF_BYTES])


def root_of(leaves: Iterable[bytes], digest: Hash = blake3_hash) -> bytes:
    """Root of the tree over these leaf data (not yet hashed)."""
    frontier = Frontier(digest=digest)
    for data in leaves:
        frontier.push(leaf_hash(data, digest))
    return frontier.root()
