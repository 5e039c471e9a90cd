"""Classical heads with as many parameters as a quantum one: what it has to beat.

A win over one weak control says nothing, so there are three of different kinds. `fourier` is the
closest relative: a circuit with angle encoding is a truncated Fourier series of its inputs, and
this head is one without a circuit.

Shapes: B batch, D features, h hidden units, C classes.
Sources: Bowles, Ahmed & Schuld 2024 (https://arxiv.org/abs/2403.07059: controls decide what a
quantum model is worth); Schuld, Sweke & Meyer 2021 (https://doi.org/10.1103/PhysRevA.103.032430).
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

Kind = Literal["mlp", "gated", "fourier"]
MATCHED: tuple[Kind, ...] = ("mlp", "gated", "fourier")
"""Kinds of parameter-matched heads."""


class Gated(nn.Module):
    """(B, 2h) to (B, h): one half weighs the other (a gated linear unit, Dauphin et al. 2017,
    https://arxiv.org/abs/1612.08083)."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.glu(x, dim=-1)


class Cosine(nn.Module):
    """(B, h) to (B, h): cosines, whose frequencies and phases the layer before has learned."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cos(x)


MIDDLES: dict[Kind, tuple[int, Callable[[], nn.Module]]] = {
    "mlp": (1, nn.Tanh),
    "gated": (2, Gated),
    "fourier": (1, Cosine),
}
"""Outputs of the first layer for each hidden unit, and what lies between the layers."""


def matched_head(
    kind: Kind, *, features: int, classes: int, parameters: int, seed: int
) -> nn.Sequential:
    """A head with one hidden layer and about as many parameters as another.

    Args:
        kind: of what lies between the two linear layers.
        features: D.
        classes: C.
        parameters: to match; the nearest width is taken.
        seed: of the weights. Leaves torch's own RNG alone.

    Raises:
        ValueError: not even one hidden unit fits.
    """
    wide, middle = MIDDLES[kind]
    unit = wide * (features + 1) + classes  # parameters that one hidden unit brings
    hidden = max(1, round((parameters - classes) / unit))
    if abs(unit * hidden + classes - parameters) > unit / 2 + 1:
        raise ValueError(
            f"parameters={parameters}: one hidden unit of {kind!r} between {features} features and "
            f"{classes} classes has {unit + classes}; use fewer features or a larger quantum head"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(features, wide * hidden), middle(), nn.Linear(hidden, classes)
        )


def linear_probe(*, features: int, classes: int, seed: int) -> nn.Linear:
    """One linear layer: what the embeddings give away without any help."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(features, classes)


def count(module: nn.Module) -> int:
    """Parameters that training changes."""
    return sum(value.numel() for value in module.parameters() if value.requires_grad)
