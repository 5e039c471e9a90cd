"""Devices that simulate, refused before they start where memory would not hold them.

A state vector has 2^n amplitudes of 16 bytes (8 in single precision), a density matrix 4^n. Beside
the state itself, copies are made: of every observable's result, for adjoint gradients, and where
the state is handed out.
"""

import numpy as np
import pennylane as qml

from models.quantum.memory import GB, free_bytes
from models.quantum.toolbox.checks import at_least, one_of

AMPLITUDE = {"double": 16, "single": 8}
"""Bytes of a complex number."""
COPIES = 4
"""States held at the same time, by an adjoint gradient; benchmarks/quantum_big.py measures it."""


def vector_device(qubits: int, *, precision: str = "double") -> qml.devices.Device:
    """A device for one state vector: lightning.qubit, with adjoint gradients.

    Raises:
        ValueError: the free memory does not hold it; names the number of qubits that it holds.
    """
    one_of(precision, tuple(AMPLITUDE), "precision")
    fits(qubits, amplitude=AMPLITUDE[precision], what="a state vector")
    kind = np.complex128 if precision == "double" else np.complex64
    return qml.device("lightning.qubit", wires=qubits, c_dtype=kind)


def batch_device(qubits: int) -> qml.devices.Device:
    """A device that takes a batch of parameters at a time: default.qubit, with backprop."""
    fits(qubits, what="a state vector")
    return qml.device("default.qubit", wires=qubits)


def mixed_device(qubits: int) -> qml.devices.Device:
    """A device for a density matrix: default.mixed, for channels."""
    fits(qubits, powers=2, what="a density matrix")
    return qml.device("default.mixed", wires=qubits)


def needed_bytes(qubits: int, *, amplitude: int = 16, powers: int = 1) -> int:
    """Memory for a state and its copies: `powers` is 1 for a vector, 2 for a density matrix."""
    return COPIES * amplitude << powers * qubits


def fits(qubits: int, *, what: str, amplitude: int = 16, powers: int = 1) -> None:
    """Refuse a state that the free memory does not hold."""
    at_least(qubits, 1, "qubits")
    needed, free = needed_bytes(qubits, amplitude=amplitude, powers=powers), free_bytes()
    if needed > free:
        most = qubits
        while most and needed_bytes(most, amplitude=amplitude, powers=powers) > free:
            most -= 1
        raise ValueError(
            f"qubits={qubits}: {what} and its copies need {needed / GB:.1f} GB, "
            f"{free / GB:.1f} GB are free: use at most {most}"
        )
