"""Weight sharing: every number of a matrix is one of a few, so that it is stored as an index.

Values cluster by k-means in one dimension, started evenly between the smallest and the largest
weight, which keeps the few large weights that matter most. The module still computes with floats:
this saves bytes where they are stored (models/compression/storage.py), not time.

Source: Han et al. 2015 (Deep Compression), https://arxiv.org/abs/1510.00149, section 3.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.compression.student import ViewModel

LARGEST = 256
"""Shared values of one tensor at most: an index is one byte."""
PASSES = 50
"""Of Lloyd's algorithm at most; in one dimension it settles long before."""
WORTH = 1024
"""Numbers of a tensor below which a codebook is not worth its own bytes."""


@dataclass(frozen=True)
class Codes:
    """A tensor of few distinct values.

    Args:
        codebook: (V,) rising.
        index: uint8, of the tensor's shape: which value each number is.
    """

    codebook: Tensor
    index: Tensor

    def values(self) -> Tensor:
        """The tensor."""
        return self.codebook[self.index.long()]


def cluster(module: ViewModel, *, values: int) -> ViewModel:
    """A copy whose matrices hold at most `values` distinct numbers each; zeros stay zero.

    Args:
        module: any view.
        values: 2 to 256.

    Raises:
        ValueError: `values` lies outside.
    """
    if not 2 <= values <= LARGEST:
        raise ValueError(f"values={values}: must be from 2 to {LARGEST}: an index is one byte")
    module = copy.deepcopy(module)
    with torch.no_grad():
        for weight in _matrices(module).values():
            weight.copy_(shared(weight, values=values).values())
    return module


def codes(module: nn.Module) -> dict[str, Codes]:
    """Name to codebook and indexes, of every matrix that has at most 256 distinct numbers."""
    found = {}
    for name, weight in _matrices(module).items():
        # A sample tells most dense tensors apart without sorting them whole.
        if len(torch.unique(weight.detach().flatten()[: 4 * LARGEST])) > LARGEST:
            continue
        codebook, index = torch.unique(weight.detach(), return_inverse=True)
        if len(codebook) <= LARGEST:
            found[name] = Codes(codebook, index.to(torch.uint8))
    return found


def shared(weight: Tensor, *, values: int) -> Codes:
    """The nearest tensor of few values that k-means finds from an even start.

    Where a tensor holds zeros that pruning made (more than 1 in 100), zero is one of the values
    and no other number becomes zero.
    """
    flat = weight.detach().flatten()
    zero = flat == 0
    pruned = int(zero.sum()) * 100 > len(flat)
    if pruned and bool(zero.all()):
        return Codes(flat[:1].clone(), torch.zeros_like(weight, dtype=torch.uint8))
    ordered = (flat[~zero] if pruned else flat).sort().values
    distinct = torch.unique_consecutive(ordered)
    few = len(distinct) <= values - pruned
    centres = distinct.double() if few else _lloyd(ordered, values - pruned)
    nearest = centres[torch.bucketize(flat.double(), _between(centres))].to(weight.dtype)
    if pruned:
        nearest[zero] = 0
    codebook, index = torch.unique(nearest, return_inverse=True)
    return Codes(codebook, index.to(torch.uint8).view(weight.shape))


def _lloyd(ordered: Tensor, count: int) -> Tensor:
    """Rising centres of sorted numbers. A cluster is a stretch of them, so sums do it all."""
    low, high = float(ordered[0]), float(ordered[-1])
    centres = torch.linspace(low, high, count, dtype=torch.float64)
    sums = torch.cat([torch.zeros(1, dtype=torch.float64), ordered.double().cumsum(0)])
    ends = torch.tensor([0, len(ordered)])
    for _ in range(PASSES):
        cuts = torch.searchsorted(ordered, _between(centres).to(ordered.dtype), right=False)
        edges = torch.cat([ends[:1], cuts, ends[1:]])
        sizes = edges.diff()
        means = sums[edges].diff() / sizes.clamp(min=1)
        # A centre that nothing is near stays where it is: it may win something later.
        moved = torch.where(sizes > 0, means, centres).sort().values
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres


def _between(centres: Tensor) -> Tensor:
    return (centres[1:] + centres[:-1]) / 2


def _matrices(module: nn.Module) -> dict[str, Tensor]:
    """What is worth a codebook: weights of two and more dimensions, not the small ones."""
    return {
        name: weight
        for name, weight in module.named_parameters()
        if weight.ndim > 1 and weight.numel() >= WORTH
    }
