"""Layers of trained gates, each also without its entangling gates, which is the control.

Shapes: n qubits, W weights.
Sources: Schuld et al. 2020, https://arxiv.org/abs/1804.00633 (strongly entangling); Kandala et al.
2017, https://arxiv.org/abs/1704.05018 (hardware efficient); Grant et al. 2018,
https://arxiv.org/abs/1804.03680 (tree, MERA). Wires and gates of strongly entangling, basic, tree
and MERA are those of PennyLane's StronglyEntanglingLayers, BasicEntanglerLayers, TTN and MERA.
"""

from collections.abc import Callable, Iterator
from typing import Literal

from models.quantum.circuit import Op, w

Ansatz = Literal["strongly_entangling", "basic", "hardware_efficient", "tree", "mera"]
Pairs = tuple[tuple[int, int], ...]


def layer(ansatz: Ansatz, qubits: int, *, at: int, first: int, entangle: bool) -> tuple[Op, ...]:
    """One layer.

    Args:
        ansatz: which.
        qubits: n.
        at: number of the layer, from 0: strongly entangling layers reach further each time.
        first: its first weight.
        entangle: with entangling gates; without, it has the same weights.

    Raises:
        ValueError: there is no such ansatz, or it needs another number of qubits.
    """
    if ansatz not in LAYERS:
        raise ValueError(f"ansatz={ansatz!r}: allowed are {', '.join(LAYERS)}")
    weights = iter(range(first, first + weights_of(ansatz, qubits)))
    ops = LAYERS[ansatz](qubits, at, weights)
    return tuple(op for op in ops if entangle or len(op.wires) == 1)


def weights_of(ansatz: Ansatz, qubits: int) -> int:
    """Weights of one layer."""
    if ansatz == "tree":
        return 2 * len(tree(qubits))
    if ansatz == "mera":
        return 2 * len(mera(qubits))
    return {"strongly_entangling": 3, "basic": 1, "hardware_efficient": 2}[ansatz] * qubits


def _strongly_entangling(qubits: int, at: int, weights: Iterator[int]) -> Iterator[Op]:
    for wire in range(qubits):
        yield Op("Rot", (wire,), (w(next(weights)), w(next(weights)), w(next(weights))))
    if qubits > 1:
        reach = at % (qubits - 1) + 1
        yield from (Op("CNOT", (wire, (wire + reach) % qubits)) for wire in range(qubits))


def _basic(qubits: int, _: int, weights: Iterator[int]) -> Iterator[Op]:
    yield from (Op("RX", (wire,), (w(next(weights)),)) for wire in range(qubits))
    ring = qubits if qubits > 2 else qubits - 1  # two wires have one neighbour each
    yield from (Op("CNOT", (wire, (wire + 1) % qubits)) for wire in range(ring))


def _hardware_efficient(qubits: int, _: int, weights: Iterator[int]) -> Iterator[Op]:
    for wire in range(qubits):
        yield Op("RY", (wire,), (w(next(weights)),))
        yield Op("RZ", (wire,), (w(next(weights)),))
    yield from (Op("CZ", (wire, wire + 1)) for wire in range(qubits - 1))


def _blocks(pairs: Callable[[int], Pairs]) -> Callable[[int, int, Iterator[int]], Iterator[Op]]:
    """On every pair two rotations and a CNOT."""

    def ops(qubits: int, _: int, weights: Iterator[int]) -> Iterator[Op]:
        for pair in pairs(qubits):
            yield from (Op("RY", (wire,), (w(next(weights)),)) for wire in pair)
            yield Op("CNOT", pair)

    return ops


def tree(qubits: int) -> Pairs:
    """Pairs of a tree tensor network, leaves first: of every pair the second wire goes on.

    Where a level has an odd number of wires, the last goes on alone.
    """
    found: list[tuple[int, int]] = []
    wires = list(range(qubits))
    while len(wires) > 1:
        pairs = list(zip(wires[0::2], wires[1::2], strict=False))
        found += pairs
        wires = [second for _, second in pairs] + wires[len(pairs) * 2 :]
    return tuple(found)


def mera(qubits: int) -> Pairs:
    """Pairs of a multi-scale entanglement renormalisation ansatz, leaves first.

    From the top down every wire gets a new neighbour, then neighbours of different parents meet.

    Raises:
        ValueError: the number of qubits is not a power of two from 2.
    """
    if qubits < 2 or qubits.bit_count() != 1:
        raise ValueError(f"qubits={qubits}: mera halves them again and again: use 2, 4, 8 or 16")
    pairs = [(0, 1)]
    found = list(pairs)
    while (used := 2 * len(pairs)) < qubits:
        fresh = iter(range(used, 2 * used))
        below = [pair for a, b in pairs for pair in ((a, next(fresh)), (next(fresh), b))]
        pairs = [
            (one[1], after[0]) for one, after in zip(below, below[1:] + below[:1], strict=True)
        ]
        found += below + pairs
    return tuple(reversed(found))


LAYERS: dict[Ansatz, Callable[[int, int, Iterator[int]], Iterator[Op]]] = {
    "strongly_entangling": _strongly_entangling,
    "basic": _basic,
    "hardware_efficient": _hardware_efficient,
    "tree": _blocks(tree),
    "mera": _blocks(mera),
}
