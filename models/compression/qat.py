"""Quantisation-aware training: weights that are rounded while they learn.

Every step multiplies with rounded weights and corrects the unrounded ones, as if rounding had a
slope of 1 (the "straight-through" gradient). What comes out is a plain float32 module whose weights
are on the grid of `bits`, so that a runtime that rounds to that grid afterwards changes nothing.

Convolutions as well as linear layers, which torchao's own training does not cover; and its int8
grid (127.5 steps, down to -128) is not the one that ONNX Runtime rounds to.

Source: Jacob et al. 2017, https://arxiv.org/abs/1712.05877; straight-through gradients: Bengio et
al. 2013, https://arxiv.org/abs/1308.3432. Differs in: norms keep their statistics.
"""

import copy
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from models.compression.calibration import Calibration
from models.compression.quantised import Quantised, matrices, refuse_quantised
from models.compression.rounding import fits, grid, nearest
from models.compression.student import ViewModel

BATCH = 16
"""Samples a step at most; only samples of one shape share a step."""
SMALL_BITS = 4
"""Width at which runtimes round linear layers only."""


class QatError(ValueError):
    """Training that cannot start: nothing to learn from, or nothing to round."""


class QatDivergedError(RuntimeError):
    """The loss became NaN or infinite; names the epoch and the learning rate."""


class Rounded(nn.Module):
    """A weight as the closest points of a grid; gradients pass as if it were not rounded."""

    def __init__(self, *, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def forward(self, weight: Tensor) -> Tensor:
        # In this order the sum is exactly the rounded weight: what is added is 0.
        return nearest(weight.detach(), self.bits) + (weight - weight.detach())


def qat(
    module: ViewModel,
    calibration: Calibration,
    *,
    bits: int,
    epochs: int,
    learning_rate: float,
    seed: int,
) -> Quantised:
    """Train a view to lose little when its weights are rounded.

    The loss is the divergence from the teacher's scores plus the angle to its vectors, where there
    are targets, plus the cross entropy of the labels, where there are any. The epoch with the
    lowest loss over all samples is kept, and rounding without training competes as epoch 0.

    Args:
        module: in float32; unchanged.
        calibration: samples with targets, labels or both.
        bits: 8, 7 (for processors without VNNI) or 4 (groups of 32; linear layers only).
        epochs: passes over the samples.
        learning_rate: Adam's at the start; it falls to 0 as a cosine.
        seed: of the order of the samples. Same input, same bytes.

    Returns:
        The module in float32 with rounded weights, and the layers that were not rounded.

    Raises:
        ValueError: bits, epochs or learning rate cannot be.
        CalibrationError: the samples are too few or not this view's.
        QatError: neither targets nor labels, no layer to round, or NaN among what is given.
        QatDivergedError: the loss became NaN.
        AlreadyQuantisedError: the module is not in full precision.
    """
    refuse_quantised(module, "qat")
    grid(bits)
    if epochs < 1 or not 0 < learning_rate < 1:
        raise ValueError(
            f"epochs={epochs}, learning_rate={learning_rate}: epochs are 1 or more, and the rate "
            "is between 0 and 1"
        )
    calibration.check(module)
    labelled = calibration.label is not None and bool((calibration.label >= 0).any())
    if calibration.targets is None and not labelled:
        raise QatError(
            f"qat: view {module.view}: the calibration data has neither targets nor labels to "
            "learn from: ask the teacher for targets, or quantise without training"
        )
    learner = copy.deepcopy(module).eval().requires_grad_(True)
    skipped = _prepare(learner, bits)
    best = _learn(learner, calibration, bits=bits, epochs=epochs, peak=learning_rate, seed=seed)
    made = copy.deepcopy(module).eval().requires_grad_(False)
    made.load_state_dict(best.state)
    note = f"qat: loss {best.before:.4g} of rounding alone, {best.loss:.4g} in epoch {best.epoch}"
    return Quantised(made, skipped, (note,))


class _Best(NamedTuple):
    before: float
    loss: float
    epoch: int
    state: dict[str, Tensor]


def _prepare(module: ViewModel, bits: int) -> dict[str, str]:
    """Round the weights of all layers that can be, from now on; name the others."""
    kinds = (nn.Linear,) if bits == SMALL_BITS else (nn.Linear, nn.Conv1d, nn.Conv2d)
    skipped = {name: f"{kind} is not rounded to {bits} bits" for name, kind in matrices(module)}
    found = 0
    for path, layer in list(module.named_modules()):
        if not isinstance(layer, kinds):
            continue
        if fits(layer.weight, bits):
            del skipped[path]
            parametrize.register_parametrization(layer, "weight", Rounded(bits=bits))
            found += 1
        else:
            inputs = layer.weight[0].numel()
            skipped[path] = f"{inputs} inputs are no multiple of {grid(bits).group}"
    if not found:
        raise QatError(
            f"qat: view {module.view} has no layer that can be rounded to {bits} bits: take "
            "another number of bits, or leave this view out"
        )
    return dict(sorted(skipped.items()))


def _learn(
    module: ViewModel,
    calibration: Calibration,
    *,
    bits: int,
    epochs: int,
    peak: float,
    seed: int,
) -> _Best:
    optimizer = torch.optim.Adam(module.parameters(), lr=peak)
    generator = torch.Generator().manual_seed(seed)
    before = _judge(module, calibration)
    if not math.isfinite(before):
        raise QatError(
            f"qat: view {module.view}: the loss is {before} before any training: look for NaN or "
            "infinite numbers in the weights and in the targets"
        )
    best = _Best(before, before, 0, _plain(module, bits))
    for epoch in range(1, epochs + 1):
        for group in optimizer.param_groups:
            group["lr"] = peak * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / epochs))
        for rows, inputs in calibration.batches(BATCH, generator=generator):
            optimizer.zero_grad()
            torch.autograd.backward(_loss(module, calibration, rows, inputs).mean())
            optimizer.step()
        loss = _judge(module, calibration)
        if not math.isfinite(loss):
            raise QatDivergedError(
                f"qat: view {module.view}: the loss became {loss} in epoch {epoch} with learning "
                f"rate {peak:.3g}: lower it"
            )
        if loss < best.loss:
            best = _Best(before, loss, epoch, _plain(module, bits))
    return best


def _loss(
    module: ViewModel, calibration: Calibration, rows: Tensor, inputs: tuple[Tensor, ...]
) -> Tensor:
    """Of each sample of a batch, (B,)."""
    scores, vectors = module(*inputs)
    loss_B = torch.zeros(len(rows))
    if calibration.targets is not None:
        wanted = calibration.targets.scores[rows].log_softmax(-1)
        found = scores.log_softmax(-1)
        loss_B = loss_B + F.kl_div(found, wanted, log_target=True, reduction="none").sum(-1)
        loss_B = loss_B + 1 - F.cosine_similarity(vectors, calibration.targets.vectors[rows])
    if calibration.label is not None:
        label = calibration.label[rows]
        loss_B = loss_B + F.cross_entropy(scores, label, ignore_index=-1, reduction="none")
    return loss_B


@torch.no_grad()
def _judge(module: ViewModel, calibration: Calibration) -> float:
    """Mean loss over all samples."""
    batches = calibration.batches(BATCH)
    return float(torch.cat([_loss(module, calibration, *batch) for batch in batches]).mean())


def _plain(module: ViewModel, bits: int) -> dict[str, Tensor]:
    """The state dict by the names it had before, with rounded weights."""
    state = {}
    for name, tensor in module.state_dict().items():
        plain = name.replace(".parametrizations.weight.original", ".weight")
        state[plain] = tensor.clone() if plain == name else nearest(tensor, bits)
    return state
