"""Teach a small model what a large one says.

The teacher spoke once, before: its scores and vectors for every sample are targets. A student whose
encoder stays frozen is encoded once too, and only its head learns, in seconds. The best epoch on
validation samples is the result; the start counts as one, so that nothing gets worse by learning.

Shapes: K samples, B batch, C classes, D width.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.compression.calibration import Calibration
from models.compression.distil_losses import DistilWeights
from models.compression.lesson import Lesson, Part
from models.compression.masks import hold, zeros_of
from models.compression.student import ViewModel
from models.losses import DivergedError
from models.training import rate

CLIP = 1.0
"""Largest norm of a gradient."""


@dataclass(frozen=True)
class Taught:
    """What one epoch brought: mean losses, `validation` None where there are no such samples."""

    epoch: int
    training: float
    validation: float | None


def distil(
    module: ViewModel,
    calibration: Calibration,
    *,
    validation: Calibration | None,
    teacher: ViewModel | None,
    train: Part,
    weights: DistilWeights,
    temperature: float,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    average: float,
    seed: int,
    on_epoch: Callable[[Taught], None] = lambda _: None,
) -> ViewModel:
    """A copy that has learned.

    Weights that pruning set to zero stay zero where the module says which they are
    (models/compression/masks.py).

    Args:
        module: the student.
        calibration: training samples; `targets` is what the teacher says of them.
        validation: samples of the same kind, never of the test split; None: the last epoch is it.
        teacher: needed where `weights.features` or `weights.attention` count.
        train: which part learns.
        weights: of the parts of the loss.
        temperature: softens scores.
        epochs: passes over the samples.
        batch_size: samples a step at most.
        learning_rate: its peak; warms up, then falls as a cosine.
        weight_decay: AdamW's, on matrices only.
        average: decay of the running average of the weights, which is the result; 0 for none.
        seed: decides order, dropout and the learned map.
        on_epoch: called after each epoch.

    Raises:
        CalibrationError: the samples do not fit, or have no targets or no labels though they count.
        ValueError: weights that nothing that learns could follow.
        DivergedError: the loss became NaN or infinite.
    """
    student = copy.deepcopy(module)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        lesson = Lesson(
            student,
            calibration,
            teacher=teacher,
            train=train,
            weights=weights,
            temperature=temperature,
        )
        samples = lesson.prepared(calibration)
        held = None if validation is None else lesson.prepared(validation)
        best = copy.deepcopy(student.state_dict())
        lowest = math.inf if held is None else lesson.judge(student, held)
        averaged = copy.deepcopy(student).eval().requires_grad_(False)
        masks = zeros_of(student)
        optimizer = _optimizer(lesson.learning(), learning_rate, weight_decay)
        steps = sum(1 for _ in samples.batches(batch_size, _generator(seed, 0)))
        for epoch in range(epochs):
            lesson.train_mode()
            total = 0.0
            for index, batch in enumerate(samples.batches(batch_size, _generator(seed, epoch))):
                step = epoch * steps + index
                now = rate(step, epochs * steps, learning_rate)
                loss = lesson.loss(samples, batch)
                total += _step(loss, optimizer, step, now)
                hold(student, masks)
                # Young averages forget faster, or the start would stay in them for long.
                _follow(averaged, student, decay=min(average, (step + 1) / (step + 10)))
            found = None if held is None else lesson.judge(averaged, held)
            if found is None or found < lowest:
                best = copy.deepcopy(averaged.state_dict())
                lowest = lowest if found is None else found
            on_epoch(Taught(epoch + 1, total / steps, found))
    student.load_state_dict(best)
    hold(student, masks)
    return student.eval().requires_grad_(False)


def _step(loss: Tensor, optimizer: torch.optim.Optimizer, step: int, learning_rate: float) -> float:
    value = loss.item()
    if not math.isfinite(value):
        raise DivergedError(loss=value, step=step, learning_rate=learning_rate)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], CLIP)
    optimizer.step()
    return value


@torch.no_grad()
def _follow(averaged: nn.Module, student: nn.Module, *, decay: float) -> None:
    learned = [
        (mean, weight)
        for mean, weight in zip(averaged.parameters(), student.parameters(), strict=True)
        if weight.requires_grad
    ]
    torch._foreach_lerp_([m for m, _ in learned], [w for _, w in learned], 1 - decay)
    for mean, buffer in zip(averaged.buffers(), student.buffers(), strict=True):
        mean.copy_(buffer)  # statistics of batch norms are averages already


def _optimizer(
    learned: list[nn.Parameter], learning_rate: float, weight_decay: float
) -> torch.optim.AdamW:
    matrices = [weight for weight in learned if weight.ndim > 1]
    others = [weight for weight in learned if weight.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=learning_rate,
        betas=(0.9, 0.98),
        foreach=True,
    )


def _generator(seed: int, epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)
