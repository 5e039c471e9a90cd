"""Unstructured pruning at random: the control that every other criterion has to beat.

Zeros are never speed, and bytes only after an entropy coder (models/compression/masks.py).

Source: as a control in Blalock et al. 2020, https://arxiv.org/abs/2003.03033.
"""

import torch
from torch import Tensor, nn

from models.compression.masks import AnyModule, Scope, cut, weights_of, without


def saliency(module: nn.Module, *, seed: int, embeddings: bool = False) -> dict[str, Tensor]:
    """Name to numbers uniform in 0 to 1, shaped as the weight."""
    generator = torch.Generator().manual_seed(seed)
    weights = weights_of(module, embeddings=embeddings)
    return {name: torch.rand(w.shape, generator=generator) for name, w in weights.items()}


def random_zeros(
    module: AnyModule, *, sparsity: float, scope: Scope, seed: int, embeddings: bool = False
) -> AnyModule:
    """A copy with zeros at random places; arguments as `magnitude`, and the seed of the places.

    Raises:
        PruningError: see `cut`.
    """
    scores = saliency(module, seed=seed, embeddings=embeddings)
    return without(module, cut(module, scores, sparsity=sparsity, scope=scope))
