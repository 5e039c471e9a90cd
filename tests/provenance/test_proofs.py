"""Proofs against public SHA-256 vectors, their corruptions, and RFC 6962's own definition."""

import functools
from collections.abc import Iterator

import pytest
from blake3 import blake3

from provenance import Reason, TamperedError
from provenance.proofs import (
    consistency_proof,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)
from provenance.tree import Frontier, leaf_hash

from .test_tree import LEAVES, ROOTS, sha256

HASHES = [leaf_hash(data, sha256) for data in LEAVES]
EMPTY = bytes.fromhex(ROOTS[0])
SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")

# Known proofs of the tree of 8 leaves and its beginnings, as (leaf from 0, size) and (old, new)
# (RFC 6962's test tree; transparency-dev/merkle proof/verify_test.go, certificate-transparency-go).
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
G = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
H = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
INCLUSIONS = [
    (0, 1, []),
    (0, 8, [A, B, C]),
    (5, 8, [D, E, F]),
    (2, 3, [ROOTS[2]]),
    (1, 5, [ROOTS[1], B, D]),
]
CONSISTENCIES = [
    (1, 1, []),
    (1, 8, [A, B, C]),
    (6, 8, [G, E, F]),
    (2, 5, [B, D]),
    (6, 7, [G, H, F]),
]


def raw(proof: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in proof]


def root(size: int) -> bytes:
    return bytes.fromhex(ROOTS[size])


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS)
def test_inclusion_proofs_are_those_of_the_reference(
    index: int, size: int, proof: list[str]
) -> None:
    assert inclusion_proof(HASHES, index, size, sha256) == raw(proof)
    verify_inclusion(HASHES[index], index, size, raw(proof), root(size), sha256)


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCIES)
def test_consistency_proofs_are_those_of_the_reference(
    old: int, new: int, proof: list[str]
) -> None:
    assert consistency_proof(HASHES, old, new, sha256) == raw(proof)
    verify_consistency(old, new, raw(proof), root(old), root(new), sha256)


Inclusion = tuple[bytes, int, int, list[bytes], bytes]
Consistency = tuple[int, int, list[bytes], bytes, bytes]


def flipped(proof: list[bytes], at: int, bit: int) -> list[bytes]:
    changed = bytes([proof[at][0] ^ bit]) + proof[at][1:]
    return [*proof[:at], changed, *proof[at + 1 :]]


def false_inclusions() -> Iterator[tuple[str, Inclusion]]:
    """The corruptions that transparency-dev/merkle's test data describes (testdata/inclusion)."""
    for index, size, known in INCLUSIONS:
        proof, leaf, top = raw(known), HASHES[index], root(size)
        name = f"{index} of {size}: "
        for what, at in (("- 1", index - 1), ("+ 1", index + 1), ("xor 2", index ^ 2)):
            yield name + f"index {what}", (leaf, at, size, proof, top)
        yield name + "size * 2", (leaf, index, size * 2, proof, top)
        yield name + "size / 2", (leaf, index, size // 2, proof, top)
        yield name + "wrong leaf", (b"WrongLeaf", index, size, proof, top)
        yield name + "empty root", (leaf, index, size, proof, EMPTY)
        yield name + "random root", (leaf, index, size, proof, SOME)
        yield name + "trailing garbage", (leaf, index, size, [*proof, b""], top)
        yield name + "trailing root", (leaf, index, size, [*proof, top], top)
        yield name + "preceding garbage", (leaf, index, size, [b"", *proof], top)
        yield name + "preceding root", (leaf, index, size, [top, *proof], top)
        for i in range(len(proof)):
            yield name + f"bit 3 of hash {i}", (leaf, index, size, flipped(proof, i, 8), top)
        if proof:
            yield name + "removed component", (leaf, index, size, proof[:-1], top)
        if len(proof) > 1:
            longer = [proof[0], SOME, *proof[1:]]
            yield name + "inserted component", (leaf, index, size, longer, top)
    for leaf, top in ((HASHES[0], b""), (b"", HASHES[0]), (b"", b"")):
        yield "a single entry with an empty hash", (leaf, 0, 1, [], top)
    for index, size in ((0, 0), (0, 1), (1, 0), (2, 1)):
        for leaf, top in ((SOME, b""), (b"", EMPTY), (SOME, EMPTY)):
            yield f"{index} of {size}, hashes of nothing", (leaf, index, size, [], top)


def false_consistencies() -> Iterator[tuple[str, Consistency]]:
    """The corruptions that transparency-dev/merkle's test data describes (testdata/consistency)."""
    for old, new, known in CONSISTENCIES[1:]:
        proof, first, second = raw(known), root(old), root(new)
        name = f"{old} to {new}: "
        for what, size in (("- 1", old - 1), ("+ 1", old + 1), ("xor 2", old ^ 2)):
            yield name + f"size1 {what}", (size, new, proof, first, second)
        yield name + "size2 * 2", (old, new * 2, proof, first, second)
        yield name + "size2 / 2", (old, new // 2, proof, first, second)
        yield name + "wrong root1", (old, new, proof, b"WrongRoot", second)
        yield name + "wrong root2", (old, new, proof, first, b"WrongRoot")
        yield name + "swapped roots", (old, new, proof, second, first)
        yield name + "empty proof", (old, new, [], first, second)
        for what, extra in (("garbage", b""), ("root1", first), ("root2", second)):
            yield name + f"trailing {what}", (old, new, [*proof, extra], first, second)
            yield name + f"preceding {what}", (old, new, [extra, *proof], first, second)
        yield name + "preceding proof[0]", (old, new, [proof[0], *proof], first, second)
        yield name + "truncated proof", (old, new, proof[:-1], first, second)
        for i in range(len(proof)):
            yield name + f"bit 4 of hash {i}", (old, new, flipped(proof, i, 16), first, second)
    one, other = bytes(32), bytes([1] * 32)
    for old, new in ((0, 0), (1, 1), (1, 0), (2, 1), (1, 2)):
        yield f"{old} to {new}, no proof", (old, new, [], one, other)
    for old, new in ((0, 0), (1, 1)):
        yield f"{old} to {new}, other roots", (old, new, [], EMPTY, other)
    for old, new in ((0, 0), (0, 1), (1, 1)):
        yield f"{old} to {new}, a proof without need", (old, new, [EMPTY], EMPTY, EMPTY)
    # Nothing can be proven from an empty tree; the reference took these two before it refused them.
    yield "0 to 0, same roots", (0, 0, [], one, one)
    yield "0 to 1", (0, 1, [], one, other)


FALSE_INCLUSIONS = list(false_inclusions())
FALSE_CONSISTENCIES = list(false_consistencies())


@pytest.mark.parametrize(
    "case", [case for _, case in FALSE_INCLUSIONS], ids=[name for name, _ in FALSE_INCLUSIONS]
)
def test_attack_22_corrupted_inclusion_proofs(case: Inclusion) -> None:
    with pytest.raises(TamperedError, match="the proof does not hold") as caught:
        verify_inclusion(*case, digest=sha256)
    assert caught.value.reason is Reason.BAD_PROOF


@pytest.mark.parametrize(
    "case", [case for _, case in FALSE_CONSISTENCIES], ids=[name for name, _ in FALSE_CONSISTENCIES]
)
def test_attack_22_corrupted_consistency_proofs(case: Consistency) -> None:
    with pytest.raises(TamperedError, match="the proof does not hold") as caught:
        verify_consistency(*case, digest=sha256)
    assert caught.value.reason is Reason.BAD_PROOF


def test_attack_22_as_many_cases_as_the_reference() -> None:
    """Its tables (proof/verify_test.go) give 195; in one the two roots are words and no hashes."""
    honest = len(INCLUSIONS) + len(CONSISTENCIES) + 1  # 1: the single entry, a second time
    assert len(FALSE_INCLUSIONS) + len(FALSE_CONSISTENCIES) + honest == 194


def test_attack_23_nothing_follows_from_size_0() -> None:
    """Any tree follows an empty one: such a proof would vouch for a log begun anew."""
    for proof in ([], [EMPTY], raw(CONSISTENCIES[1][2])):
        with pytest.raises(TamperedError, match="from 0 to 8 leaves"):
            verify_consistency(0, 8, proof, EMPTY, root(8), sha256)
    with pytest.raises(ValueError, match="from 0 to 8 leaves"):
        consistency_proof(HASHES, 0, 8, sha256)


def test_attack_24_a_proof_for_another_index_or_size() -> None:
    """Every proof of the tree of 8 and its beginnings is tried at every other place."""
    for size in range(1, 9):
        for index in range(size):
            proof = inclusion_proof(HASHES, index, size, sha256)
            for other in range(1, 9):
                for at in range(other):
                    if (at, other) == (index, size):
                        continue
                    with pytest.raises(TamperedError):
                        verify_inclusion(HASHES[index], at, other, proof, root(other), sha256)


def test_attack_07_an_inner_node_as_a_leaf() -> None:
    """Without the two prefixes, a tree over inner nodes would have the root of the real one."""
    nodes = [
        sha256(b"\x01" + left + right)
        for left, right in zip(HASHES[::2], HASHES[1::2], strict=True)
    ]
    proof = inclusion_proof(HASHES, 0, 8, sha256)
    with pytest.raises(TamperedError, match="the proof does not hold"):
        verify_inclusion(nodes[0], 0, 4, proof[1:], leaf_hash(HASHES[0] + HASHES[1]), sha256)
    forged = leaf_hash(HASHES[0] + HASHES[1], sha256)  # the node's two halves as leaf data
    with pytest.raises(TamperedError, match="it leads to root"):
        verify_inclusion(forged, 0, 4, proof[1:], root(8), sha256)


# RFC 6962, section 2.1, written down a second time, over a hash that keeps its input: a leaf is its
# own name and a node the pair of its children.
def name(data: bytes) -> bytes:
    return blake3(data).digest()


NUMBERED = [leaf_hash(b"%d" % i) for i in range(70)]


def split(count: int) -> int:
    return max(2**k for k in range(count) if 2**k < count)


@functools.cache
def mth(start: int, stop: int) -> bytes:
    """MTH(D[start:stop])."""
    if stop - start == 1:
        return NUMBERED[start]
    k = split(stop - start)
    return name(b"\x01" + mth(start, start + k) + mth(start + k, stop))


def path(m: int, start: int, stop: int) -> list[bytes]:
    """PATH(m, D[start:stop])."""
    n = stop - start
    if n == 1:
        return []
    k = split(n)
    if m < k:
        return [*path(m, start, start + k), mth(start + k, stop)]
    return [*path(m - k, start + k, stop), mth(start, start + k)]


def subproof(m: int, start: int, stop: int, whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[start:stop], whole)."""
    n = stop - start
    if m == n:
        return [] if whole else [mth(start, stop)]
    k = split(n)
    if m <= k:
        return [*subproof(m, start, start + k, whole), mth(start + k, stop)]
    return [*subproof(m - k, start + k, stop, False), mth(start, start + k)]


def test_all_proofs_up_to_70_leaves() -> None:
    for size in range(1, 71):
        for i in range(size):
            proof = inclusion_proof(NUMBERED, i, size)
            assert proof == path(i, 0, size)
            verify_inclusion(NUMBERED[i], i, size, proof, mth(0, size))
            proof = consistency_proof(NUMBERED, i + 1, size)
            assert proof == subproof(i + 1, 0, size, True)
            verify_consistency(i + 1, size, proof, mth(0, i + 1), mth(0, size))


def test_proofs_of_what_is_not_there() -> None:
    for index, size in ((-1, 3), (3, 3), (0, 0), (0, 71)):
        with pytest.raises(ValueError, match="the tree has 70 leaves"):
            inclusion_proof(NUMBERED, index, size)
    for old, new in ((0, 3), (4, 3), (3, 71)):
        with pytest.raises(ValueError, match="1 to 70 can be compared"):
            consistency_proof(NUMBERED, old, new)


def test_proofs_stay_short() -> None:
    frontier = Frontier()
    for leaf in NUMBERED[:64]:
        frontier.push(leaf)
    assert len(inclusion_proof(NUMBERED, 5, 64)) == 6
