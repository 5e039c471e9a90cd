"""Wanda: weights that are small, or whose input is small, become zero.

Zeros are never speed, and bytes only after an entropy coder (models/compression/masks.py).

Source: Sun et al. 2023, https://arxiv.org/abs/2306.11695, equation 1: |w| times the L2 norm of the
weight's input over all samples and tokens, compared within each output's row. Differs in:
convolutions too, each filter tap weighed by the norm of the channel that it reads.
"""

import copy
from functools import partial

import torch
from torch import Tensor, nn

from models.compression.calibration import Calibration
from models.compression.masks import Scope, cut, weights_of, without
from models.compression.student import ViewModel


@torch.no_grad()
def saliency(module: ViewModel, *, calibration: Calibration) -> dict[str, Tensor]:
    """Name to |w| times the norm of its input; 0 where no sample reaches the layer."""
    calibration.check(module)
    watched = copy.deepcopy(module).eval()
    names = list(weights_of(watched))
    squares: dict[str, Tensor] = {}

    def note(name: str, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].detach().float()
        if isinstance(layer, nn.Conv1d | nn.Conv2d):
            x = x.movedim(-3 if isinstance(layer, nn.Conv2d) else -2, -1)
        squares[name] = squares.get(name, torch.zeros(())) + x.flatten(0, -2).square().sum(0)

    for name in names:
        layer = watched.get_submodule(name.removesuffix("weight").removesuffix("."))
        layer.register_forward_pre_hook(partial(note, name))
    for _, inputs in calibration.batches(1):
        watched(*inputs)
    return {
        name: _weighed(
            watched.get_submodule(name.removesuffix("weight").removesuffix(".")), squares.get(name)
        )
        for name in names
    }


def _weighed(layer: nn.Module, squares_I: Tensor | None) -> Tensor:
    weight: Tensor = layer.weight.detach().abs()  # type: ignore[operator]
    if squares_I is None:
        return torch.zeros_like(weight)
    groups = layer.groups if isinstance(layer, nn.Conv1d | nn.Conv2d) else 1
    # Output o of a grouped convolution reads the channels of its own group only.
    norms_OI = squares_I.sqrt().view(groups, -1).repeat_interleave(len(weight) // groups, 0)
    return weight * norms_OI.view(*norms_OI.shape, *[1] * (weight.ndim - 2))


def wanda(
    module: ViewModel, *, sparsity: float, scope: Scope, calibration: Calibration
) -> ViewModel:
    """A copy with zeros where |w| times the input's norm is smallest.

    Args:
        module: unchanged.
        sparsity: share of zeros after it, 0 up to but not 1.
        scope: "local" takes that share of each output's row, as the paper does; "global" of all
            weights together, which it does not.
        calibration: samples whose activations weigh.

    Raises:
        PruningError: see `cut`.
        CalibrationError: too few samples, or of another view.
    """
    scores = saliency(module, calibration=calibration)
    return without(
        module, cut(module, scores, sparsity=sparsity, scope=scope, rows=scope == "local")
    )
