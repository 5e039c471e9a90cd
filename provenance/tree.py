"""Merkle trees as in RFC 6962, section 2.1, over any hash function.

    leaf = H(0x00 || data)     node = H(0x01 || left || right)     empty tree = H("")

The two prefixes keep an inner node from being passed off as a leaf. The log and folder listings use
BLAKE3; the hash function is a parameter so that the public SHA-256 vectors test this very code.
Inclusion and consistency proofs belong here too, once a command needs them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from blake3 import blake3

Hash = Callable[[bytes], bytes]
"""Digest of bytes, of a fixed length."""


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
        digest = self.digest
        node, rest = leaf, self.size
        while rest & 1:  # each trailing full subtree is the left sibling of what was built so far
            node = digest(b"\x01" + self.peaks.pop() + node)
            rest >>= 1
        self.peaks.append(node)
        self.size += 1

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


def root_of(leaves: Iterable[bytes], digest: Hash = blake3_hash) -> bytes:
    """Root of the tree over these leaf data (not yet hashed)."""
    frontier = Frontier(digest=digest)
    for data in leaves:
        frontier.push(leaf_hash(data, digest))
    return frontier.root()
