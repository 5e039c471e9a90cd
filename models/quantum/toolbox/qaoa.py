"""The quantum approximate optimisation algorithm for MaxCut.

p layers of exp(-i g C) and exp(-i b sum X), angles (g_1..g_p, b_1..b_p), C the number of cut edges.
Two engines: PennyLane's gates, and arrays that hold C for each basis state once, so that a layer of
the cost is one multiplication. Source: Farhi, Goldstone and Gutmann 2014,
https://arxiv.org/abs/1411.4028. Shapes: N = 2^n for n nodes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from models.quantum.toolbox.checks import Matrix, Vector, at_least
from models.quantum.toolbox.optimisers import Minimum, minimise
from models.quantum.toolbox.simulators import AMPLITUDE, fits, vector_device

Edges = Sequence[tuple[int, int]]
Angles = NDArray[np.float64]
Table = NDArray[np.int64]

RING = tuple((2 * p + 1) / (2 * p + 2) for p in range(1, 9))
"""Cut share of an even ring of more than 2p nodes at depth p = 1, 2, ...: Farhi et al., section 4;
proven as the best at these depths by Mbeng, Fazio and Santoro 2019,
https://arxiv.org/abs/1906.08948."""
CUBIC = 0.5 + 1 / (3 * sqrt(3))
"""Cut edges over edges of a 3-regular graph without triangles, p = 1: 0.6924 (Farhi et al.,
section 5)."""
BLOCK = 4
"""Qubits that are mixed at a time, by one product of matrices."""
START = (0.5, 0.4)
"""Angles to start a first layer with: cuts are gained at small positive ones."""


@dataclass(frozen=True)
class Cut:
    """What was found.

    Args:
        expected: number of cut edges, on average over readings.
        share: the same over the number of edges.
        ratio: the same over the best cut.
        best: the largest cut there is, by looking at all of them.
        found: the likeliest reading, a side for each node.
        angles: (2p,): all g, then all b.
        evaluations: of the expectation, for all depths together.
    """

    expected: float
    share: float
    ratio: float
    best: int
    found: str
    angles: Angles
    evaluations: int


def nodes_of(edges: Edges) -> int:
    """Number of nodes, n.

    Raises:
        ValueError: no edges, an edge twice or from a node to itself, or a node without any edge.
    """
    if not edges:
        raise ValueError("edges=[]: a graph without edges has no cut; give pairs of nodes")
    pairs = {frozenset(edge) for edge in edges}
    if len(pairs) < len(edges) or any(len(pair) != 2 for pair in pairs):
        raise ValueError("edges: each pair of different nodes once, in one direction")
    named = set().union(*pairs)
    if named != set(range(len(named))):
        raise ValueError(f"nodes {sorted(named)[:8]}: number those with edges from 0 without gaps")
    return len(named)


def cuts(edges: Edges) -> Table:
    """Cut edges of every assignment of sides (N,); node 0 is the most significant bit."""
    nodes = nodes_of(edges)
    # The table, the state, its gradient and what is multiplied: eight of them at most.
    fits(nodes, amplitude=2 * AMPLITUDE["double"], what="a state vector")
    sides = np.arange(1 << nodes)
    total = np.zeros(1 << nodes, np.int64)
    for a, b in edges:
        total += (sides >> (nodes - 1 - a) ^ sides >> (nodes - 1 - b)) & 1
    return total


def circuit(edges: Edges, angles: Sequence[float]) -> None:
    """Queue the gates: an Ising gate for each edge, a rotation for each node, layer by layer."""
    nodes, depth = nodes_of(edges), len(angles) // 2
    for node in range(nodes):
        qml.Hadamard(node)
    for g, b in zip(angles[:depth], angles[depth:], strict=True):
        for edge in edges:
            qml.IsingZZ(-g, wires=edge)  # exp(-i g C), up to a phase: C = (1 - Z Z) / 2 an edge
        for node in range(nodes):
            qml.RX(2 * b, wires=node)


def expected_by_gates(edges: Edges, angles: Sequence[float]) -> float:
    """Cut edges on average, by PennyLane's gates."""
    count = nodes_of(edges)

    def run() -> object:
        circuit(edges, angles)
        cut = qml.Hamiltonian([-0.5] * len(edges), [qml.Z(a) @ qml.Z(b) for a, b in edges])
        return qml.expval(cut)

    return len(edges) / 2 + float(qml.QNode(run, vector_device(count))())


def state(table: Table, angles: Sequence[float] | Angles) -> Vector:
    """The state (N,), from the table of cuts: a layer is a multiplication and n small rotations."""
    depth = len(angles) // 2
    made: Vector = np.full(len(table), len(table) ** -0.5, np.complex128)
    for g, b in zip(angles[:depth], angles[depth:], strict=True):
        made *= _phases(table, g)
        for matrix, _ in _blocks(len(table), b):
            made = _turned(matrix, made)
    return made


def with_gradient(table: Table, angles: Sequence[float] | Angles) -> tuple[float, Angles]:
    """Minus the cut edges on average, and its gradient (2p,): states are undone, not kept."""
    depth = len(angles) // 2
    gradient = np.zeros(2 * depth)
    forward = state(table, angles)
    back: Vector = table * forward
    value = float(np.vdot(forward, back).real)
    for layer in reversed(range(depth)):
        g, b = angles[layer], angles[depth + layer]
        for undo, flips in _blocks(len(table), -b):
            rows = forward.reshape(len(flips), -1)
            gradient[depth + layer] -= 2 * np.vdot(back, (flips @ rows).reshape(-1)).imag
            forward, back = _turned(undo, forward), _turned(undo, back)
        gradient[layer] = -2 * np.vdot(back, table * forward).imag
        phases = _phases(table, -g)
        forward *= phases
        back *= phases
    return -value, gradient


def maxcut(edges: Edges, *, depth: int, start: Sequence[float] | None = None) -> Cut:
    """Look for the angles of depth p with the largest expected cut, one layer after the other.

    Each depth starts from the one before, stretched (Zhou et al. 2018,
    https://arxiv.org/abs/1812.01041), and ends in L-BFGS.

    Args:
        edges: pairs of nodes.
        depth: p.
        start: angles (2p,) to begin with at depth p; none of the smaller depths is run then.

    Raises:
        ValueError: as `nodes_of` has it, or the state does not fit into memory.
    """
    at_least(depth, 1, "depth")
    table = cuts(edges)
    if start is not None and len(start) != 2 * depth:
        raise ValueError(f"{len(start)} angles to start with: depth={depth} takes {2 * depth}")
    angles = np.asarray(START if start is None else start, np.float64)
    evaluations = 0
    while True:
        found = _polished(table, angles, escape=start is not None)
        evaluations += found.calls
        if len(found.values) == 2 * depth:
            break
        angles = _stretched(found.values)
    chances = np.abs(state(table, found.values)) ** 2
    best = int(table.max())
    return Cut(
        expected=-found.cost,
        share=-found.cost / len(edges),
        ratio=-found.cost / best,
        best=best,
        found=f"{int(chances.argmax()):0{nodes_of(edges)}b}",
        angles=found.values,
        evaluations=evaluations,
    )


def ring(nodes: int) -> list[tuple[int, int]]:
    """A ring of n nodes."""
    return [(i, (i + 1) % nodes) for i in range(at_least(nodes, 3, "nodes"))]


def _polished(table: Table, angles: Angles, *, escape: bool) -> Minimum:
    return minimise(
        lambda values: with_gradient(table, values)[0],
        angles,
        method="lbfgs",
        with_gradient=lambda values: with_gradient(table, values),
        escape=escape,
    )


def _stretched(angles: Angles) -> Angles:
    """Angles of one layer more: each schedule is read at evenly spaced points."""
    depth = len(angles) // 2
    halves = []
    for schedule in (angles[:depth], angles[depth:]):
        old, new = np.linspace(0, 1, depth), np.linspace(0, 1, depth + 1)
        halves.append(np.interp(new, old, schedule) if depth > 1 else np.repeat(schedule, 2))
    return np.concatenate(halves)


def _phases(table: Table, angle: float) -> Vector:
    """exp(-i g C) of each basis state: there are few different numbers of cut edges."""
    found: Vector = np.exp(-1j * angle * np.arange(table.max() + 1))[table]
    return found


def _blocks(size: int, angle: float) -> Iterator[tuple[Matrix, Matrix]]:
    """exp(-i b sum X) and sum X of a few qubits at a time, from the first to the last."""
    left = size.bit_length() - 1
    while left:
        qubits = min(BLOCK, left)
        left -= qubits
        states = range(1 << qubits)
        apart = np.array([[(i ^ j).bit_count() for j in states] for i in states])
        turn = np.cos(angle) ** (qubits - apart) * (-1j * np.sin(angle)) ** apart
        yield turn, (apart == 1).astype(np.complex128)


def _turned(matrix: Matrix, vector: Vector) -> Vector:
    """Apply to the first qubits, which become the last: after all blocks, all are in order."""
    return (matrix @ vector.reshape(len(matrix), -1)).T.reshape(-1)
