"""A head on a noisy device: how to train it there, and what noise leaves of one that was not.

Shapes: B rows, D features, n qubits. A state under noise takes 4^n numbers where one without takes
2^n: this is for small circuits.
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.quantum.head import QuantumHead, engine_of
from models.quantum.memory import check_memory
from models.quantum.mixed_engine import MixedEngine

NUMBERS = 2**22
"""Of states at a time: rows are judged in parts that keep to it."""


def with_noise(head: QuantumHead, *, depolarising: float) -> QuantumHead:
    """A copy of a head, depolarised after every gate; train it to train with noise.

    Args:
        head: on any engine.
        depolarising: p, that X, Y or Z strikes, on each wire of each gate.

    Raises:
        ValueError: p is outside 0 to 1, or memory does not hold the states of a sample.
    """
    check_memory(head.circuit, batch=1, training=False, mixed=True)
    noisy = copy.deepcopy(head)
    noisy.engine = MixedEngine(head.circuit, depolarising=depolarising)
    return noisy


def without_noise(head: QuantumHead) -> QuantumHead:
    """A copy on the engine that its config names."""
    quiet = copy.deepcopy(head)
    quiet.engine = engine_of(head.config, head.circuit)
    return quiet


@torch.no_grad()
def accuracy_against_noise(
    head: QuantumHead, x: Tensor, y: Tensor, *, depolarising: Sequence[float]
) -> NDArray[np.float64]:
    """Accuracy of a head as it is, on devices with more and more noise.

    Args:
        head: on any engine.
        x: (B, D) features, of at least one row.
        y: (B,) classes.
        depolarising: probabilities, P of them.

    Returns:
        (P,) accuracies.

    Raises:
        ValueError: there are no rows, a probability is outside 0 to 1, or memory does not do.
    """
    if not len(y):
        raise ValueError("no rows: accuracy needs at least one")
    size = max(1, NUMBERS >> 2 * head.config.qubits)
    found = []
    for p in depolarising:
        noisy = with_noise(head, depolarising=p).eval()
        said = torch.cat([noisy(part).argmax(1) for part in torch.split(x, size)])
        found.append(float((said == y).double().mean()))
    return np.array(found)
