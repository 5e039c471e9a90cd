"""Train one small head on frozen embeddings; all heads are trained by the same rules.

Adam, the epoch with the best validation loss is kept, the learning rate is the best of a few by
validation loss with a seed that is not used again. Test rows are never seen here.

Shapes: N rows, D features, C classes.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.quantum.gradients import finite_gradients


@dataclass(frozen=True)
class Rows:
    """Features (N, D) and classes (N,) of a split."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Training:
    """How heads are trained.

    Args:
        epochs: over the training rows.
        batch_size: the last batch of an epoch may be smaller.
        weight_decay: of AdamW.
        rates: learning rates to choose from.
    """

    epochs: int
    batch_size: int
    weight_decay: float
    rates: tuple[float, ...]


@dataclass(frozen=True)
class Fitted:
    """A trained head.

    Args:
        head: with the weights of its best epoch, in evaluation mode.
        rate: learning rate.
        loss, accuracy: on validation rows, at the best epoch.
        epoch: that was best, from 1.
        curve: loss of training and of validation, epoch by epoch.
        cpu_seconds: process time of the optimiser's steps, without judging.
    """

    head: nn.Module
    rate: float
    loss: float
    accuracy: float
    epoch: int
    curve: tuple[tuple[float, float], ...]
    cpu_seconds: float


def fit_head(
    head: nn.Module, train: Rows, validation: Rows, how: Training, *, rate: float, seed: int
) -> Fitted:
    """Train a head.

    Args:
        head: changed in place; what is returned is a copy from its best epoch.
        train, validation: to learn from and to choose the epoch by.
        how: the rules.
        rate: learning rate.
        seed: of the order of rows.

    Raises:
        ValueError: a gradient is not a finite number; names the parameter and the step.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=how.weight_decay)
    best, kept, curve, spent = (float("inf"), 0.0, 0), head, [], 0.0
    for epoch in range(1, how.epochs + 1):
        head.train()
        started, total = time.process_time(), 0.0
        order = torch.randperm(len(train.y), generator=generator)
        for step, rows in enumerate(torch.split(order, how.batch_size), 1):
            optimizer.zero_grad()
            loss = F.cross_entropy(head(train.x[rows]), train.y[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            finite_gradients(head, step=(epoch - 1) * -(-len(order) // how.batch_size) + step)
            optimizer.step()
            total += float(loss.detach()) * len(rows)
        spent += time.process_time() - started
        found, accuracy = judged(head, validation)
        curve.append((total / len(order), found))
        if found < best[0]:
            best, kept = (found, accuracy, epoch), copy.deepcopy(head)
    return Fitted(kept.eval(), rate, *best, curve=tuple(curve), cpu_seconds=spent)


def best_rate(
    make: Callable[[int], nn.Module],
    train: Rows,
    validation: Rows,
    how: Training,
    *,
    seed: int,
) -> float:
    """The learning rate with the lowest validation loss; one run each.

    Args:
        make: a new head from a seed.
        seed: for these runs only.
    """
    if len(how.rates) == 1:
        return how.rates[0]
    return min(
        how.rates,
        key=lambda rate: fit_head(make(seed), train, validation, how, rate=rate, seed=seed).loss,
    )


@torch.no_grad()
def judged(head: nn.Module, rows: Rows) -> tuple[float, float]:
    """Loss and accuracy."""
    head.eval()
    scores = head(rows.x)
    right = (scores.argmax(1) == rows.y).double().mean()
    return float(F.cross_entropy(scores, rows.y)), float(right)


@torch.no_grad()
def answers(head: nn.Module, x: Tensor, *, size: int = 1024) -> Tensor:
    """Classes (N,), `size` rows at a time."""
    return torch.cat([head(part).argmax(1) for part in torch.split(x, size)])
