"""Grover's search: find a marked item of N = 2^n by about pi / 4 sqrt(N) questions to an oracle.

Source: Boyer, Brassard, Hoyer and Tapp 1998, https://arxiv.org/abs/quant-ph/9605034.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, pi, sin, sqrt

import numpy as np
import pennylane as qml

from models.quantum.toolbox.checks import at_least, bits
from models.quantum.toolbox.simulators import vector_device


@dataclass(frozen=True)
class Search:
    """What a search shows.

    Args:
        found: the likeliest reading.
        probability: to read a marked item.
        theory: the same by its formula.
        calls: questions to the oracle.
        classical_calls: expected questions of a classical search in random order.
    """

    found: str
    probability: float
    theory: float
    calls: int
    classical_calls: float


def angle(qubits: int, marked: int) -> float:
    """The angle theta of the start, sin^2 theta = marked / N: each question turns by 2 theta."""
    return asin(sqrt(marked / 2**qubits))


def best_iterations(qubits: int, marked: int = 1) -> int:
    """How many questions bring the state nearest to the marked items."""
    return max(0, round(pi / (4 * angle(qubits, marked)) - 0.5))


def theory(qubits: int, marked: int, iterations: int) -> float:
    """sin^2((2k + 1) theta): the probability to read a marked item after k questions."""
    return sin((2 * iterations + 1) * angle(qubits, marked)) ** 2


def circuit(marked: Sequence[str], iterations: int) -> None:
    """Queue the search: the oracle flips the sign of marked items, a reflection amplifies them."""
    wires = range(len(marked[0]))
    for wire in wires:
        qml.Hadamard(wire)
    for _ in range(iterations):
        for item in marked:
            qml.FlipSign(bits(item), wires=wires)
        qml.GroverOperator(wires=wires)


def search(marked: Sequence[str], *, iterations: int | None = None) -> Search:
    """Search for marked items such as `["0110"]`, all of the same length of 2 bits or more.

    Args:
        marked: different items, fewer than N of them.
        iterations: questions to the oracle; the best number of them if not given.

    Raises:
        ValueError: no items, items of several lengths, the same one twice, or all of them.
    """
    if not marked:
        raise ValueError("marked=[]: name at least one item to find, such as '0110'")
    qubits = at_least(len(marked[0]), 2, "bits of an item")
    for item in marked:
        bits(item, length=qubits, what="item")
    if len(set(marked)) < len(marked) or len(marked) >= 2**qubits:
        raise ValueError(f"{len(marked)} marked items: different ones, fewer than {2**qubits}")
    rounds = best_iterations(qubits, len(marked)) if iterations is None else iterations
    at_least(rounds, 0, "iterations")

    def run() -> object:
        circuit(marked, rounds)
        return qml.probs(wires=range(qubits))

    probabilities = np.asarray(qml.QNode(run, vector_device(qubits))(), np.float64)
    return Search(
        found=f"{int(probabilities.argmax()):0{qubits}b}",
        probability=float(sum(probabilities[int(item, 2)] for item in marked)),
        theory=theory(qubits, len(marked), rounds),
        calls=rounds,
        classical_calls=(2**qubits + 1) / (len(marked) + 1),
    )
