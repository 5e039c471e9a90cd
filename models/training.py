"""Learn: one pure loop that can stop after any epoch and go on from its state.

All randomness of an epoch comes from (seed, epoch), so the state needs no generator: a run that
was cut off after epoch 7 and goes on from its state ends in the same bytes as one that was not.
"""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.batches import Data, language_batches
from models.fusion import drop_modalities
from models.losses import DivergedError
from models.multimodal import Multimodal
from models.objective import Weights, losses, total, validate

State = dict[str, Any]
"""epoch, best_epoch, best_loss, and state dicts: model, average, best, optimizer."""


@dataclass(frozen=True)
class Settings:
    """How to train.

    Args:
        epochs: passes over the training rows at most.
        patience: epochs without a better validation loss before stopping.
        batch_size: rows per step at most; all of one language.
        learning_rate: its peak. Warms up over the first tenth of the steps, then falls as a cosine.
        weight_decay: AdamW's, on matrices only.
        smoothing: label smoothing of the category loss.
        modality_dropout: probability of hiding a view from the fusion.
        average: decay of the running average of the weights (per step); the average is the model.
        clip: largest gradient norm.
        weights: of the parts of the loss.
        seed: decides initial order, dropout and everything else that is random.
    """

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    smoothing: float
    modality_dropout: float
    average: float
    clip: float
    weights: Weights
    seed: int


@dataclass(frozen=True)
class Report:
    """What one epoch brought. `state` is what `fit` takes to go on from here."""

    epoch: int
    metrics: dict[str, float]
    state: State


def fit(
    model: Multimodal,
    data: Data,
    settings: Settings,
    *,
    on_epoch: Callable[[Report], None],
    state: State | None = None,
) -> State:
    """Train; `model` ends up with the weights of the best epoch.

    Args:
        model: freshly built; its weights are overwritten when there is a state.
        on_epoch: called after every epoch, in order.
        state: of an earlier, interrupted call with the same arguments.

    Returns:
        The last state.

    Raises:
        DivergedError: the loss became NaN or infinite; names the step and the learning rate.
    """
    learner = _Learner(model, data, settings)
    state = learner.start() if state is None else learner.resume(state)
    while state["epoch"] < settings.epochs and not _stale(state, settings):
        losses = learner.epoch(state["epoch"])
        state = learner.judge(state, losses, on_epoch)
    model.load_state_dict(state["best"])
    model.eval()
    return state


def rate(step: int, steps: int, peak: float) -> float:
    """Learning rate of a step: linear warm-up over a tenth of the steps, then half a cosine."""
    warm = max(steps // 10, 1)
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1)))


class _Learner:
    def __init__(self, model: Multimodal, data: Data, settings: Settings) -> None:
        self.model, self.data, self.settings = model, data, settings
        model.fusion.requires_grad_(False)  # gates are learned afterwards: models/calibration.py
        self.average = copy.deepcopy(model).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            _decay_matrices_only(model, settings.weight_decay),
            lr=settings.learning_rate,
            betas=(0.9, 0.98),
            foreach=True,
        )
        self.per_epoch = sum(1 for _ in self._batches(0))

    def start(self) -> State:
        return self._state(0, best_epoch=0, best_loss=math.inf, best=_copy(self.model))

    def resume(self, state: State) -> State:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        return state

    def epoch(self, epoch: int) -> dict[str, float]:
        settings, examples = self.settings, self.data.examples
        self.model.train()
        sums: dict[str, float] = {}
        generator = _generator(settings.seed, epoch, 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_mix(settings.seed, epoch, 2))  # dropout draws from it
            for index, rows in enumerate(self._batches(epoch)):
                step = epoch * self.per_epoch + index
                learning_rate = rate(step, settings.epochs * self.per_epoch, settings.learning_rate)
                batch = examples.batch(rows)
                hidden = drop_modalities(
                    batch.present, share=settings.modality_dropout, generator=generator
                )
                output = self.model(batch, hidden)
                parts = losses(
                    self.model, output, examples, rows, batch.present, smoothing=settings.smoothing
                )
                loss = total(parts, settings.weights)
                value = loss.item()
                if not math.isfinite(value):
                    raise DivergedError(loss=value, step=step, learning_rate=learning_rate)
                self._step(loss, step, learning_rate)
                for name, part in (parts | {"loss": loss}).items():
                    sums[name] = sums.setdefault(name, 0.0) + part.item()
        return {f"train_{name}": value / self.per_epoch for name, value in sums.items()}

    def judge(
        self, state: State, trained: dict[str, float], on_epoch: Callable[[Report], None]
    ) -> State:
        metrics = trained | validate(self.average, self.data, self.settings.weights)
        epoch, best = state["epoch"] + 1, {k: state[k] for k in ("best_epoch", "best_loss", "best")}
        if metrics["val_loss"] < state["best_loss"]:
            best = {
                "best_epoch": epoch,
                "best_loss": metrics["val_loss"],
                "best": _copy(self.average),
            }
        state = self._state(epoch, **best)
        on_epoch(Report(epoch, metrics, state))
        return state

    def _state(self, epoch: int, **best: Any) -> State:
        return {
            "epoch": epoch,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            **best,
        }

    def _batches(self, epoch: int) -> Iterator[Tensor]:
        return language_batches(
            self.data.examples,
            self.data.train,
            size=self.settings.batch_size,
            generator=_generator(self.settings.seed, epoch, 0),
        )

    def _step(self, loss: Tensor, step: int, learning_rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimizer.step()
        # Young averages forget faster, or the first epochs would be judged by random weights.
        decay = min(self.settings.average, (step + 1) / (step + 10))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.model.parameters()), 1 - decay
        )


def _stale(state: State, settings: Settings) -> bool:
    return bool(state["epoch"] - state["best_epoch"] >= settings.patience)


def _decay_matrices_only(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def _mix(seed: int, epoch: int, stream: int) -> int:
    return (seed * 1_000_003 + epoch) * 8 + stream


def _generator(seed: int, epoch: int, stream: int) -> torch.Generator:
    return torch.Generator().manual_seed(_mix(seed, epoch, stream))
