"""Named states as circuits and as vectors, and random states.

Shapes: N = 2^n for n qubits. Vectors are (N,), density matrices (N, N).
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pennylane as qml
from numpy.typing import ArrayLike

from models.quantum.toolbox.checks import Matrix, Vector, amplitudes, at_least, one_of
from models.quantum.toolbox.simulators import vector_device

Wires = Sequence[int]


def superposition(wires: Wires) -> None:
    """All basis states with amplitude 1 / sqrt(N)."""
    for wire in wires:
        qml.Hadamard(wire)


def ghz(wires: Wires) -> None:
    """(|0...0> + |1...1>) / sqrt(2); of two wires it is the first Bell state."""
    qml.Hadamard(wires[0])
    for control, target in pairwise(wires):
        qml.CNOT([control, target])


def w(wires: Wires) -> None:
    """Equal superposition of the n basis states with a single 1.

    The excitation starts on the first wire. Each step leaves 1 / (wires that remain) of it behind.
    Source: Cruz et al. 2019, https://arxiv.org/abs/1807.05572, the linear variant.
    """
    qml.PauliX(wires[0])
    for i, (here, there) in enumerate(pairwise(wires)):
        left = len(wires) - i
        qml.CRY(2 * math.acos(math.sqrt(1 / left)), [here, there])
        qml.CNOT([there, here])


def _bell(*, flipped: bool, minus: bool) -> Callable[[Wires], None]:
    def circuit(wires: Wires) -> None:
        ghz(wires)
        if flipped:
            qml.PauliX(wires[1])
        if minus:
            qml.PauliZ(wires[0])

    return circuit


BELL: dict[str, Callable[[Wires], None]] = {
    "phi+": _bell(flipped=False, minus=False),
    "phi-": _bell(flipped=False, minus=True),
    "psi+": _bell(flipped=True, minus=False),
    "psi-": _bell(flipped=True, minus=True),
}
"""(|00> + |11>), (|00> - |11>), (|01> + |10>), (|01> - |10>), each / sqrt(2)."""
STATES: dict[str, Callable[[Wires], None]] = {
    "superposition": superposition,
    "ghz": ghz,
    "w": w,
    **BELL,
}


def prepare(name: str, wires: Wires) -> None:
    """Queue the gates that make a named state out of |0...0>.

    Raises:
        ValueError: the name is none of STATES, or the number of wires does not fit it.
    """
    one_of(name, tuple(STATES), "state")
    if name in BELL and len(wires) != 2:
        raise ValueError(f"state {name!r} on {len(wires)} wires: a Bell state takes 2")
    at_least(len(wires), 1, "qubits")
    STATES[name](wires)


def vector(name: str, qubits: int) -> Vector:
    """A named state as a vector (N,)."""

    def circuit() -> object:
        prepare(name, range(qubits))
        return qml.state()

    device = vector_device(at_least(qubits, 1, "qubits"))
    return np.asarray(qml.QNode(circuit, device)(), np.complex128)


def load(values: ArrayLike, wires: Wires) -> None:
    """Queue the preparation of a state with these amplitudes (N,).

    Raises:
        ValueError: the norm is not 1, or their number is not 2^wires.
    """
    checked = amplitudes(values)
    if len(checked) != 1 << len(wires):
        raise ValueError(
            f"{len(checked)} amplitudes on {len(wires)} wires: {1 << len(wires)} are needed"
        )
    qml.StatePrep(checked, wires=wires)


def random_pure(qubits: int, *, seed: int) -> Vector:
    """A state vector (N,) drawn evenly from all (Haar)."""
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((2, 1 << at_least(qubits, 1, "qubits")))
    drawn: Vector = parts[0] + 1j * parts[1]
    return drawn / np.linalg.norm(drawn)


def random_mixed(qubits: int, *, seed: int, rank: int | None = None) -> Matrix:
    """A density matrix (N, N): what is seen of a random pure state on N x rank dimensions.

    With rank N (default) that is the Hilbert-Schmidt measure. Source: Zyczkowski and Sommers 2001,
    https://arxiv.org/abs/quant-ph/0012101.
    """
    size = 1 << at_least(qubits, 1, "qubits")
    columns = at_least(size if rank is None else rank, 1, "rank")
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((2, size, columns))
    drawn = parts[0] + 1j * parts[1]
    matrix: Matrix = drawn @ drawn.conj().T
    matrix /= np.trace(matrix).real
    return matrix
