"""Bernstein and Vazirani's problem: which bits does f(x) = s.x mod 2 add up? One question shows it.

Source: Bernstein and Vazirani 1997, https://doi.org/10.1137/S0097539796300921.
"""

from dataclasses import dataclass

import numpy as np
import pennylane as qml

from models.quantum.toolbox.checks import bits
from models.quantum.toolbox.simulators import vector_device


@dataclass(frozen=True)
class Reading:
    """What was read.

    Args:
        found: the likeliest reading.
        probability: of that reading; 1 in theory.
        calls: questions to the oracle.
        classical_calls: a classical program must ask for each bit.
    """

    found: str
    probability: float
    calls: int
    classical_calls: int


def circuit(secret: str) -> None:
    """Queue it: the last wire holds |->, so that the oracle's answer becomes a sign."""
    ones = bits(secret)
    last = len(ones)
    qml.PauliX(last)
    for wire in range(last + 1):
        qml.Hadamard(wire)
    for wire, one in enumerate(ones):
        if one:
            qml.CNOT([wire, last])
    for wire in range(last):
        qml.Hadamard(wire)


def read_secret(secret: str, *, length: int | None = None) -> Reading:
    """Ask an oracle that holds `secret` once.

    Raises:
        ValueError: the secret is no string of bits, or not of the given length.
    """
    count = len(bits(secret, length=length))

    def run() -> object:
        circuit(secret)
        return qml.probs(wires=range(count))

    probabilities = np.asarray(qml.QNode(run, vector_device(count + 1))(), np.float64)
    best = int(probabilities.argmax())
    return Reading(f"{best:0{count}b}", float(probabilities[best]), calls=1, classical_calls=count)
