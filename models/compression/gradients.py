"""What the loss says of each weight: gradients over calibration samples.

The distance of a model to its own answers is at its minimum, where every gradient is zero, and a
saliency made of such gradients is zero everywhere. What matters there is the curvature. Its
diagonal comes from first derivatives of a noisy loss: the log-probability of a class drawn from the
teacher's distribution (whose squared gradient is on average the Fisher information, the curvature
of the Kullback-Leibler distance), and the product of the vectors with random signs (whose squared
gradient is on average the curvature of 1 - cosine). Away from the minimum the means of the two are
the gradients of the distances themselves. Labels, where known, take the place of drawn classes.

Shapes: B batch, C classes, D width.
Source: Martens 2014, https://arxiv.org/abs/1412.1193, sections 5 and 8 (Fisher information as the
curvature of the distance); random signs as in Hutchinson 1990.
"""

import copy
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.compression.calibration import Calibration
from models.compression.student import ViewModel


def distance(
    scores_BC: Tensor, vectors_BD: Tensor, calibration: Calibration, rows_B: Tensor
) -> Tensor:
    """Mean loss of a batch: KL divergence from the teacher's categories plus 1 - cosine to its
    vectors where targets are known, plus cross-entropy where labels are.

    Raises:
        ValueError: the calibration data knows neither.
    """
    loss = scores_BC.new_zeros(())
    told = calibration.targets
    if told is not None:
        teacher = told.scores[rows_B].log_softmax(-1)
        loss = loss + F.kl_div(
            scores_BC.log_softmax(-1), teacher, reduction="batchmean", log_target=True
        )
        loss = loss + (1 - F.cosine_similarity(vectors_BD, told.vectors[rows_B])).mean()
    if calibration.label is not None:
        label = calibration.label[rows_B]
        if bool((label >= 0).any()):
            loss = loss + F.cross_entropy(scores_BC, label, ignore_index=-1)
    elif told is None:
        raise ValueError(
            f"view {calibration.view}: the calibration data has neither labels nor targets: "
            "give one of them, or take a technique that needs no loss"
        )
    return loss


def sensitivity(
    scores_BC: Tensor,
    vectors_BD: Tensor,
    calibration: Calibration,
    rows_B: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Summed noisy loss of a batch, whose squared gradients are the curvature of `distance`."""
    told = calibration.targets
    teacher = scores_BC.detach() if told is None else told.scores[rows_B]
    drawn = torch.multinomial(teacher.softmax(-1), 1, generator=generator)[:, 0]
    if calibration.label is not None:
        label = calibration.label[rows_B]
        drawn = torch.where(label >= 0, label, drawn)
    signs = torch.randint(0, 2, vectors_BD.shape, generator=generator) * 2 - 1
    loss = F.cross_entropy(scores_BC, drawn, reduction="sum") + (signs * vectors_BD).sum()
    if told is not None:
        loss = loss + (1 - F.cosine_similarity(vectors_BD, told.vectors[rows_B])).sum()
    return loss


def gradients(
    module: ViewModel,
    names: list[str],
    *,
    calibration: Calibration,
    seed: int,
    batch_size: int = 1,
) -> Iterator[dict[str, Tensor]]:
    """Gradients of `sensitivity` by the named parameters, batch by batch.

    Args:
        module: unchanged; its parameters may be frozen.
        names: of parameters; one that the loss does not depend on gets zeros.
        calibration: samples of the view, checked.
        seed: of drawn classes and signs.
        batch_size: samples whose gradients are added up before they are given out.
    """
    calibration.check(module)
    generator = torch.Generator().manual_seed(seed)
    traced = trainable(module, names)
    chosen = [traced.get_parameter(name) for name in names]
    for rows, inputs in calibration.batches(batch_size):
        scores, vectors = traced(*inputs)
        loss = sensitivity(scores, vectors, calibration, rows, generator)
        found = torch.autograd.grad(loss, chosen, allow_unused=True)
        yield {
            name: torch.zeros_like(weight) if gradient is None else gradient
            for name, weight, gradient in zip(names, chosen, found, strict=True)
        }


def trainable(module: ViewModel, names: list[str]) -> ViewModel:
    """A copy in evaluation mode (batch statistics fixed, no dropout) that can learn where named."""
    copied = copy.deepcopy(module).eval().requires_grad_(False)
    for name in names:
        copied.get_parameter(name).requires_grad_(True)
    return copied


def products(module: nn.Module, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Gradient times weight: what the loss would fall by, to first order, without the weight."""
    return {name: found[name] * module.get_parameter(name).detach() for name in found}
