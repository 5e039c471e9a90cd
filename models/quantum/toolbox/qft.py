"""The quantum Fourier transform: amplitudes a_j become sum_j a_j exp(2 pi i j k / N) / sqrt(N).

Shapes: N = 2^n for n qubits. Source: Nielsen and Chuang 2010, section 5.1.
"""

from math import ceil

import numpy as np
import pennylane as qml
from numpy.typing import ArrayLike, NDArray

from models.quantum.toolbox.checks import Vector, amplitudes, at_least
from models.quantum.toolbox.simulators import vector_device


def circuit(qubits: int) -> None:
    """Queue the transform on wires 0 to n - 1: n(n + 1) / 2 gates and n // 2 swaps."""
    for wire in range(qubits):
        qml.Hadamard(wire)
        for other in range(wire + 1, qubits):
            qml.ControlledPhaseShift(np.pi / 2 ** (other - wire), wires=[other, wire])
    for wire in range(qubits // 2):
        qml.SWAP([wire, qubits - 1 - wire])


def transform(values: ArrayLike, *, inverse: bool = False) -> Vector:
    """The transform of a state vector (N,).

    Raises:
        ValueError: the norm is not 1, or N is no power of 2.
    """
    vector = amplitudes(values)
    qubits = len(vector).bit_length() - 1

    def prepared() -> object:
        qml.StatePrep(vector, wires=range(qubits))
        if inverse:
            qml.adjoint(circuit)(qubits)
        else:
            circuit(qubits)
        return qml.state()

    return np.asarray(qml.QNode(prepared, vector_device(qubits))(), np.complex128)


def comb(qubits: int, period: int) -> Vector:
    """A state vector (N,) that is even over 0, r, 2r, ... and 0 elsewhere, for a period r."""
    size = 1 << at_least(qubits, 1, "qubits")
    if not 1 <= period <= size:
        raise ValueError(f"period={period}: from 1 to {size}")
    vector = np.zeros(size, np.complex128)
    vector[::period] = ceil(size / period) ** -0.5
    return vector


def spectrum(qubits: int, period: int) -> NDArray[np.float64]:
    """Probabilities (N,) after the transform of a comb: where r divides N, 1 / r at k N / r."""
    return np.asarray(np.abs(transform(comb(qubits, period))) ** 2, np.float64)
