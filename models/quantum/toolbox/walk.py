"""The Hadamard walk on a line: a coin decides the way, and spreads linearly in time.

The position is held on n qubits, as a number modulo 2^n that starts in the middle; a step up adds 1
by gates. Source: Kempe 2003, https://arxiv.org/abs/quant-ph/0303081.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from models.quantum.toolbox.checks import at_least, one_of
from models.quantum.toolbox.simulators import vector_device

COINS = ("up", "down", "even")
"""Starts of the coin: |0>, |1>, or (|0> + i |1>) / sqrt(2), which walks to both sides alike."""
SPREAD = sqrt(1 - 1 / sqrt(2))
"""Deviation of an even walk after t steps, over t, in the limit: Konno 2002,
https://arxiv.org/abs/quant-ph/0206053."""


@dataclass(frozen=True)
class Walk:
    """Where the walker may be.

    Args:
        places: positions (K,), from -steps to steps.
        probabilities: of each (K,).
        deviation: their standard deviation; a classical walk has sqrt(steps).
    """

    places: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    deviation: float


def circuit(steps: int, *, coin: str = "even") -> None:
    """Queue it: the coin on wire 0, the position on the wires from 1."""
    qubits = position_qubits(steps)
    line = range(1, qubits + 1)
    if coin == "down":
        qml.PauliX(0)
    elif coin == "even":
        qml.Hadamard(0)
        qml.S(0)
    qml.PauliX(line[0])  # the middle
    for _ in range(steps):
        qml.Hadamard(0)
        qml.ctrl(_move, 0, control_values=0)(line, up=True)
        qml.ctrl(_move, 0, control_values=1)(line, up=False)


def position_qubits(steps: int) -> int:
    """As many as -steps to steps need."""
    return (2 * steps).bit_length()


def walk(steps: int, *, coin: str = "even") -> Walk:
    """Walk so many steps of 1 from position 0.

    Raises:
        ValueError: no steps, or the coin is none of COINS.
    """
    at_least(steps, 1, "steps")
    one_of(coin, COINS, "coin")
    qubits = position_qubits(steps)

    def run() -> object:
        circuit(steps, coin=coin)
        return qml.probs(wires=range(1, qubits + 1))

    probabilities = np.asarray(qml.QNode(run, vector_device(qubits + 1))(), np.float64)
    middle = 1 << (qubits - 1)
    places = np.arange(-steps, steps + 1)
    found = probabilities[places + middle]
    mean = float(found @ places)
    return Walk(places, found, sqrt(float(found @ (places - mean) ** 2)))


def _move(line: range, *, up: bool) -> None:
    """Add 1: flip every bit whose lower bits are all 1, the highest first. Backwards it takes 1."""
    places = range(len(line))
    for i in places if up else reversed(places):
        lower = list(line[i + 1 :])
        if lower:
            qml.MultiControlledX([*lower, line[i]])
        else:
            qml.PauliX(line[i])
