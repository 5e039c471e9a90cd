"""A head on a noisy device: how to train it there, and what noise leaves of one that was not.

Shapes: B rows, D features, n qubits. A state under noise takes 4^n numbers where one without takes
2^n: this is for small circuits.
"""

import copy
import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.quantum.head import QuantumHead, engine_of
from models.quantum.memory import check_memory

NUMBERS = 2**22
"""Of states at a time: rows are judged in parts that keep to it."""


def with_noise(head: QuantumHead, *, depolarising: float) -> QuantumHead:
    """A copy of a head on the torch engine, depolarised after every gate; train it to train so.

    Args:
        head: on any engine.
        depolarising: p, that X, Y or Z strikes, on each wire of each gate; 0 for none.

    Raises:
        ValueError: p is outside 0 to 1, or memory does not hold the states of a sample.
    """
    config = dataclasses.replace(head.config, engine="torch", shots=None, depolarising=depolarising)
    check_memory(head.circuit, batch=1, training=False, mixed=depolarising > 0)
    noisy = copy.deepcopy(head)
    noisy.config, noisy.engine = config, engine_of(config, head.circuit)
    return noisy


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
