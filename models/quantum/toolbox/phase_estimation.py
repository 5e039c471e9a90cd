"""Phase estimation: read phi of U|v> = exp(2 pi i phi)|v> on t bits.

Shapes: N = 2^n for the n qubits of U; M = 2^t readings.
Source: Nielsen and Chuang 2010, section 5.2.
"""

from dataclasses import dataclass

import numpy as np
import pennylane as qml
from numpy.typing import ArrayLike, NDArray

from models.quantum.toolbox.checks import amplitudes, at_least, unitary
from models.quantum.toolbox.simulators import vector_device

FLOOR = 4 / np.pi**2
"""The nearest reading is seen at least this often, 0.405, whatever the phase."""


@dataclass(frozen=True)
class Phase:
    """What was read.

    Args:
        phase: the likeliest reading over M, from 0 to 1.
        probability: of that reading.
        probabilities: of all readings (M,).
        resolution: 1 / M; the nearest reading is off by half of it at most.
        calls: of controlled U: M - 1.
    """

    phase: float
    probability: float
    probabilities: NDArray[np.float64]
    resolution: float
    calls: int


def circuit(matrix: ArrayLike, vector: ArrayLike, bits: int) -> None:
    """Queue it: readings on wires 0 to t - 1, the vector behind them."""
    found = unitary(matrix)
    size = len(found).bit_length() - 1
    target = range(bits, bits + size)
    qml.StatePrep(amplitudes(vector), wires=target)
    for wire in range(bits):
        qml.Hadamard(wire)
    for wire in range(bits):
        # A matrix power is one gate here; a machine would apply U as often as the power says.
        power = np.linalg.matrix_power(found, 2 ** (bits - 1 - wire))
        qml.ControlledQubitUnitary(power, wires=[wire, *target])
    qml.adjoint(qml.QFT)(wires=range(bits))


def estimate(matrix: ArrayLike, vector: ArrayLike, *, bits: int) -> Phase:
    """Read the phase of a vector (N,) under a unitary (N, N) on t bits.

    A vector that is no eigenvector gives each eigenvector's reading with its share.

    Raises:
        ValueError: the matrix is not unitary, the vector not of norm 1 or of another size.
    """
    at_least(bits, 1, "bits")
    found, start = unitary(matrix), amplitudes(vector)
    if len(found) != len(start):
        raise ValueError(f"a vector of {len(start)} for a matrix of {len(found)}: give one size")

    def run() -> object:
        circuit(found, start, bits)
        return qml.probs(wires=range(bits))

    device = vector_device(bits + len(found).bit_length() - 1)
    probabilities = np.asarray(qml.QNode(run, device)(), np.float64)
    best = int(probabilities.argmax())
    many = 1 << bits
    return Phase(best / many, float(probabilities[best]), probabilities, 1 / many, many - 1)


def theory(phase: float, bits: int) -> NDArray[np.float64]:
    """Probabilities of the readings (M,): sin^2(pi M d) / (M sin(pi d))^2, d = phase - k / M."""
    many = 1 << bits
    off = phase - np.arange(many) / many
    below = many * np.sin(np.pi * off)
    exact = np.isclose(below, 0, atol=1e-12)
    found = np.sin(np.pi * many * off) / np.where(exact, 1, below)
    return np.asarray(np.where(exact, 1, found) ** 2, np.float64)
