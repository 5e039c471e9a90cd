"""Proofs about a Merkle tree: an entry is in it, and an older tree is the beginning of a newer one.

Made as in RFC 6962, sections 2.1.1 and 2.1.2; checked as in RFC 9162, sections 2.1.3.2 and 2.1.4.2,
which need no other leaves. A proof over n leaves has at most log2(n) + 1 hashes.
"""

from collections.abc import Sequence

from provenance.errors import Reason, TamperedError
from provenance.tree import Frontier, Hash, blake3_hash, node_hash


def inclusion_proof(
    leaves: Sequence[bytes], index: int, size: int, digest: Hash = blake3_hash
) -> list[bytes]:
    """That the leaf at `index` is in the tree over the first `size` leaves; leaf's sibling first.

    Args:
        leaves: leaf hashes, at least `size` of them.
        digest: the hash function of the tree.

    Raises:
        ValueError: there is no such leaf or tree.
    """
    if not 0 <= index < size <= len(leaves):
        raise ValueError(f"leaf {index} of {size}: the tree has {len(leaves)} leaves")
    proof, start, stop = [], 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            proof.append(_root(leaves, middle, stop, digest))
            stop = middle
        else:
            proof.append(_root(leaves, start, middle, digest))
            start = middle
    return proof[::-1]


def verify_inclusion(
    leaf: bytes,
    index: int,
    size: int,
    proof: Sequence[bytes],
    root: bytes,
    digest: Hash = blake3_hash,
) -> None:
    """Check that a leaf hash stands at `index` of the tree with this size and root.

    Raises:
        TamperedError: BAD_PROOF.
    """
    if not 0 <= index < size:
        raise _bad(f"leaf {index} is not in a tree of {size}")
    _check_lengths([leaf, root, *proof], digest)
    at, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise _bad("it is too long")
        if at & 1 or at == last:
            node = node_hash(sibling, node, digest)
            while at and not at & 1:  # no right sibling at these levels: the path goes straight up
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling, digest)
        at, last = at >> 1, last >> 1
    if last:
        raise _bad("it is too short")
    if node != root:
        raise _bad(f"it leads to root {node.hex()[:8]}..., expected {root.hex()[:8]}...")


def consistency_proof(
    leaves: Sequence[bytes], old: int, new: int, digest: Hash = blake3_hash
) -> list[bytes]:
    """That the tree over the first `old` leaves is the beginning of the one over the first `new`.

    Raises:
        ValueError: there are no such trees; nothing is proven from an empty one.
    """
    if not 0 < old <= new <= len(leaves):
        raise ValueError(f"from {old} to {new} leaves: 1 to {len(leaves)} can be compared")
    proof, start, stop = [], 0, new
    whole = True  # whether what remains of the old tree is the old tree itself, whose root is known
    while old != stop:
        middle = start + _split(stop - start)
        if old <= middle:
            proof.append(_root(leaves, middle, stop, digest))
            stop = middle
        else:
            proof.append(_root(leaves, start, middle, digest))
            start, whole = middle, False
    return ([] if whole else [_root(leaves, start, stop, digest)]) + proof[::-1]


def verify_consistency(
    old: int,
    new: int,
    proof: Sequence[bytes],
    old_root: bytes,
    new_root: bytes,
    digest: Hash = blake3_hash,
) -> None:
    """Check that the tree of `old` leaves is the beginning of the one of `new` leaves.

    Raises:
        TamperedError: BAD_PROOF. Nothing is proven from size 0: any tree follows an empty one.
    """
    if not 0 < old <= new:
        raise _bad(f"from {old} to {new} leaves: the older tree needs at least 1 and at most {new}")
    _check_lengths([old_root, new_root, *proof], digest)
    if old == new:
        if proof:
            raise _bad("two trees of one size need no hashes")
        if old_root != new_root:
            raise _bad(f"two trees of {old} leaves have different roots")
        return
    if not proof:
        raise _bad("it is empty")
    path = list(proof)
    if old & (old - 1) == 0:  # a full tree is one node of the new one: its root is not repeated
        path.insert(0, old_root)
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for node in path[1:]:
        if last == 0:
            raise _bad("it is too long")
        if at & 1 or at == last:
            before, after = node_hash(node, before, digest), node_hash(node, after, digest)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, node, digest)
        at, last = at >> 1, last >> 1
    if last:
        raise _bad("it is too short")
    if before != old_root or after != new_root:
        raise _bad(f"it does not lead from {old_root.hex()[:8]}... to {new_root.hex()[:8]}...")


def _split(count: int) -> int:
    """The largest power of two below `count`: where RFC 6962 cuts a tree in two."""
    return 1 << (count - 1).bit_length() - 1


def _root(leaves: Sequence[bytes], start: int, stop: int, digest: Hash) -> bytes:
    frontier = Frontier(digest=digest)
    for index in range(start, stop):
        frontier.push(leaves[index])
    return frontier.root()


def _check_lengths(hashes: Sequence[bytes], digest: Hash) -> None:
    length = len(digest(b""))
    for value in hashes:
        if len(value) != length:
            raise _bad(f"a hash of {len(value)} bytes, {length} are needed")


def _bad(why: str) -> TamperedError:
    return TamperedError(f"the proof does not hold: {why}", Reason.BAD_PROOF)
