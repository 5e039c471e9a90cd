"""What a trained head would answer if its circuit were measured a limited number of times.

Every shot draws one basis state from the exact distribution, so that all wires of a shot belong
together, as on a device.

Shapes: B batch, n qubits, N = 2^n, C classes.
"""

import dataclasses

import numpy as np
import torch
from torch import Tensor

from models.quantum.engine import Engine
from models.quantum.head import QuantumHead


@torch.no_grad()
def sampled_logits(head: QuantumHead, x: Tensor, *, shots: int, seed: int) -> Tensor:
    """Logits (B, C) from measurements.

    Args:
        head: trained; its torch engine's exact state is what is drawn from.
        x: (B, D).
        shots: for each sample, at least 1.
        seed: of the draws.

    Raises:
        ValueError: there are no shots.
    """
    if shots < 1:
        raise ValueError(f"shots={shots}: a measurement needs at least 1")
    circuit = dataclasses.replace(head.circuit, measure="probabilities")
    exact = Engine(circuit)(head.encode(x), head.weights).double().numpy()
    exact = np.maximum(exact, 0)
    exact /= exact.sum(1, keepdims=True)
    drawn = np.random.default_rng(seed).multinomial(shots, exact) / shots
    measured = torch.from_numpy(drawn).to(x.dtype)
    if head.config.measure == "z":
        measured = measured @ signs(circuit.qubits).to(x.dtype)
    logits: Tensor = head.post(measured)
    return logits


def signs(qubits: int) -> Tensor:
    """(N, n): what Z of each wire is in each basis state; wire 0 is the most significant bit."""
    rows = torch.arange(2**qubits)
    bits = torch.stack([rows >> (qubits - 1 - wire) & 1 for wire in range(qubits)], 1)
    return (1 - 2 * bits).float()
