"""Noise channels by name, as circuits, as Kraus operators and on density matrices.

Strengths are PennyLane's: a depolarising channel of strength p replaces a qubit by one with X, Y
or Z applied with p / 3 each, so that p = 3/4 forgets it. Readout errors are confusion matrices.
Shapes: N = 2^n for n qubits; K Kraus operators.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np
import pennylane as qml
from numpy.typing import ArrayLike, NDArray

from models.quantum.toolbox.checks import Matrix, density, one_of, probability, wires_in
from models.quantum.toolbox.simulators import mixed_device

CHANNELS: dict[str, type[qml.operation.Channel]] = {
    "depolarising": qml.DepolarizingChannel,
    "amplitude_damping": qml.AmplitudeDamping,
    "phase_damping": qml.PhaseDamping,
    "bit_flip": qml.BitFlip,
    "phase_flip": qml.PhaseFlip,
}
Probabilities = NDArray[np.float64]


def add(name: str, strength: float, wire: int) -> qml.operation.Channel:
    """Queue a channel; needs a device for density matrices.

    Raises:
        ValueError: the name is none of CHANNELS, or the strength is not from 0 to 1.
    """
    one_of(name, tuple(CHANNELS), "channel")
    return CHANNELS[name](probability(strength, f"{name} strength"), wires=wire)


def kraus(name: str, strength: float) -> NDArray[np.complex128]:
    """The Kraus operators (K, 2, 2) of a channel."""
    with qml.QueuingManager.stop_recording():
        return np.asarray(add(name, strength, 0).kraus_matrices(), np.complex128)


def apply(name: str, strength: float, state: ArrayLike, wires: Sequence[int]) -> Matrix:
    """What is left of a state, (N,) or (N, N), after the channel on each of these wires: (N, N)."""
    before = density(state)
    qubits = len(before).bit_length() - 1
    chosen = wires_in(wires, qubits)

    def circuit() -> object:
        qml.QubitDensityMatrix(before, wires=range(qubits))
        for wire in chosen:
            add(name, strength, wire)
        return qml.state()

    return np.asarray(qml.QNode(circuit, mixed_device(qubits))(), np.complex128)


def confusion(*, zero_as_one: float, one_as_zero: float) -> Probabilities:
    """A readout's confusion matrix (2, 2): column j is how a qubit in state j is read."""
    zero, one = (
        probability(value, name)
        for value, name in ((zero_as_one, "zero_as_one"), (one_as_zero, "one_as_zero"))
    )
    return np.array([[1 - zero, one], [zero, 1 - one]])


def read(probabilities: ArrayLike, matrices: Sequence[Probabilities]) -> Probabilities:
    """What a faulty readout shows of the probabilities (N,); one confusion matrix a qubit."""
    true = np.asarray(probabilities, np.float64)
    if true.shape != (1 << len(matrices),):
        raise ValueError(
            f"{true.shape} probabilities with {len(matrices)} confusion matrices: "
            f"{1 << len(matrices)} are needed"
        )
    if true.min() < 0 or abs(true.sum() - 1) > 1e-8:
        raise ValueError(f"probabilities with sum {true.sum():.6g}: none below 0, with sum 1")
    whole: Probabilities = np.ones((1, 1))
    for matrix in matrices:
        whole = np.kron(whole, matrix).astype(np.float64)
    return whole @ true


def add_readout(matrix: Probabilities, wire: int) -> None:
    """Queue a readout error before a measurement in the computational basis.

    Kraus operators sqrt(M_ij) |i><j|: the coherences go, as a measurement makes them go anyway.
    """
    operators = []
    for i in range(2):
        for j in range(2):
            operator = np.zeros((2, 2))
            operator[i, j] = sqrt(matrix[i, j])
            operators.append(operator)
    qml.QubitChannel(operators, wires=wire)
