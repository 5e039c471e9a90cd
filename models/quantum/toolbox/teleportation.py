"""Teleportation: a qubit's state moves over a Bell pair and two classical bits.

Source: Bennett et al. 1993, https://doi.org/10.1103/PhysRevLett.70.1895.
"""

import numpy as np
import pennylane as qml
from numpy.typing import ArrayLike

from models.quantum.toolbox.checks import Matrix, amplitudes
from models.quantum.toolbox.simulators import batch_device


def circuit(state: ArrayLike) -> None:
    """Queue it: the state on wire 0, the pair on 1 and 2; it arrives on wire 2.

    Raises:
        ValueError: not two amplitudes with norm 1.
    """
    vector = amplitudes(state)
    if len(vector) != 2:
        raise ValueError(f"{len(vector)} amplitudes: one qubit has 2")
    qml.StatePrep(vector, wires=0)
    qml.Hadamard(1)
    qml.CNOT([1, 2])
    qml.CNOT([0, 1])
    qml.Hadamard(0)
    sign, flip = qml.measure(0), qml.measure(1)
    qml.cond(flip, qml.PauliX)(2)
    qml.cond(sign, qml.PauliZ)(2)


def teleport(state: ArrayLike) -> Matrix:
    """The density matrix (2, 2) that arrives, whatever the two bits were."""

    def run() -> object:
        circuit(state)
        return qml.density_matrix(wires=2)

    # Measured qubits are put off to wires of their own: two more.
    return np.asarray(qml.QNode(run, batch_device(5))(), np.complex128)
