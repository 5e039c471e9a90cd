"""What units that leave said on average, kept as a constant of the layer that took it.

Exact where a unit always said the same; elsewhere only its variation is lost, not its mean. It
costs nothing: a bias, or the mean that a batch norm takes off, is there already.

Shapes: I inputs of a layer, O outputs.
Source: bias correction of Nagel et al. 2019, https://arxiv.org/abs/1906.04721, for the
error of pruning instead of that of quantisation.
"""

import copy
from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn

from models.compression.calibration import Calibration
from models.compression.student import ViewModel


@torch.no_grad()
def means(
    module: ViewModel, paths: Iterable[str], *, calibration: Calibration
) -> dict[str, Tensor]:
    """Mean input (I,) of some linear and convolution layers, over samples and positions.

    A layer that no sample reaches is left out.
    """
    calibration.check(module)
    watched = copy.deepcopy(module).eval()
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}

    def note(path: str, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].float()
        if isinstance(layer, nn.Conv1d | nn.Conv2d):
            x = x.movedim(-2 if isinstance(layer, nn.Conv1d) else -3, -1)
        rows = x.flatten(0, -2)
        sums[path] = sums.get(path, torch.zeros(())) + rows.sum(0)
        counts[path] = counts.get(path, 0) + len(rows)

    for path in paths:
        watched.get_submodule(path).register_forward_pre_hook(partial(note, path))
    for _, inputs in calibration.batches(8):
        watched(*inputs)
    return {path: total / counts[path] for path, total in sums.items()}


@torch.no_grad()
def absorb(taker: nn.Module, absorber: nn.Module, gone: Tensor, mean_I: Tensor) -> None:
    """Keep the mean of inputs that leave, in place.

    Args:
        taker: the linear or convolution layer that took them, as it was. Near the edge of a padded
            input, where a filter sees less, the constant is a little too large.
        absorber: the layer itself, or the batch norm behind it; without a bias nothing is kept.
        gone: long, inputs that leave.
        mean_I: what each input was on average.
    """
    weight: Tensor = taker.weight  # type: ignore[assignment]
    constant_O = weight.flatten(2).sum(2) if weight.ndim > 2 else weight
    constant_O = constant_O[:, gone] @ mean_I[gone]
    if isinstance(absorber, nn.BatchNorm1d | nn.BatchNorm2d):
        if absorber.running_mean is not None:
            absorber.running_mean -= constant_O
    elif isinstance(bias := absorber.bias, Tensor):
        bias += constant_O
