"""A client of the multimodal model: the rows of one language, speaker or site.

What is sent are the weights that training changes. Gates of the fusion and the vectors of class
names are fixed during training (models/calibration.py fits the gates afterwards) and stay where
they are.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from models.batches import Data, language_batches
from models.federated.arrays import Arrays
from models.federated.dropout import draw_from, own_dropout
from models.federated.facts import Facts
from models.federated.learner import Learned, Work
from models.federated.seeds import mix
from models.fusion import drop_modalities
from models.multimodal import Multimodal
from models.objective import Weights, losses, total, validate

PARTS = {"experts": (".expert.",), "heads": (".expert.", ".project."), "all": ("",)}
"""What of a view a client may make its own, by what the names of its weights hold."""


RUNNING = ("running_mean", "running_var")
"""Buffers that training moves, where an encoder has batch normalisation."""


@dataclass(frozen=True)
class Local:
    """How a client trains in a round.

    Args:
        optimizer: sgd, or adamw, which starts afresh every round.
        momentum: of sgd.
        epochs: passes over the client's rows in a round.
        batch_size: rows per step at most.
        weight_decay: on matrices.
        smoothing, modality_dropout, clip, weights: as models/training.py has them.
    """

    optimizer: Literal["sgd", "adamw"]
    momentum: float
    epochs: int
    batch_size: int
    weight_decay: float
    smoothing: float
    modality_dropout: float
    clip: float
    weights: Weights


@dataclass
class Workshop:
    """Models that stay built: one for each thread that trains, whatever the number of clients.

    Args:
        build: makes the model; called once a thread.
    """

    build: Callable[[], Multimodal]
    _here: threading.local = field(default_factory=threading.local)

    def model(self) -> Multimodal:
        if not hasattr(self._here, "model"):
            model = self.build()
            own_dropout(model)
            model.fusion.requires_grad_(False)
            self._here.model = model
        found: Multimodal = self._here.model
        return found


@dataclass
class MultimodalLearner:
    """One client.

    Args:
        name: as tables show it.
        data: its own rows, to learn from and to judge by.
        local: how it trains.
        workshop: shared by all clients of a process.
        judge: whether every round also tells what the weights that came score on the own
            validation rows.
        facts: what it tells the server about itself, or None.
    """

    name: str
    data: Data
    local: Local
    workshop: Workshop
    judge: bool = True
    facts: Facts | None = None

    @property
    def examples(self) -> int:
        return len(self.data.train)

    def train(self, arrays: Arrays, work: Work) -> Learned:
        """Learn from the own rows.

        Raises:
            DivergedError: the loss is not finite.
        """
        model = self.workshop.model()
        load(model, arrays)
        told = self._judged(model) if self.judge and len(self.data.validation) else {}
        model.train()
        draw_from(model, torch.Generator().manual_seed(mix(work.seed, "dropout")))
        loss, steps = self._steps(model, work)
        return Learned(weights_of(model), self.examples, steps, {"train_loss": loss, **told})

    def evaluate(self, arrays: Arrays) -> dict[str, float]:
        """Loss and accuracy on the own validation rows."""
        model = self.workshop.model()
        load(model, arrays)
        rows = len(self.data.validation)
        return {"num-examples": float(rows), **(self._judged(model) if rows else {})}

    def personal(self, arrays: Arrays, work: Work, *, epochs: int, part: str) -> Arrays:
        """The client's own weights: some parts go on learning here and are never sent.

        Args:
            arrays: the global weights.
            work: seed and learning rate.
            epochs: passes over the own rows.
            part: a key of PARTS.
        """
        model = self.workshop.model()
        load(model, arrays)
        model.train()
        draw_from(model, torch.Generator().manual_seed(mix(work.seed, "dropout")))
        learns = PARTS[part]
        for name, parameter in trained(model):
            parameter.requires_grad_(any(part in name for part in learns))
        own = replace(self, local=replace(self.local, epochs=epochs))
        try:
            own._steps(model, work)
        finally:
            for _, parameter in trained(model):
                parameter.requires_grad_(True)
        return weights_of(model)

    def _judged(self, model: Multimodal) -> dict[str, float]:
        found = validate(model, self.data, self.local.weights)
        return {name: found[name] for name in ("val_loss", "val_accuracy")}

    def _steps(self, model: Multimodal, work: Work) -> tuple[float, float]:
        """Mean loss, and the weight of the steps that were taken (FedNova's a_i)."""
        local, examples = self.local, self.data.examples
        batches = self._batches(work)
        names = [name for name, _ in trained(model)]
        parameters = [parameter for _, parameter in trained(model)]
        for parameter in parameters:
            parameter.grad = None  # of the client before, in the same thread
        start = [p.detach().clone() for p in parameters] if work.mu else []
        pull = _tensors(work.correction, names)
        optimizer = self._optimizer(parameters, work.rate)
        hiding = torch.Generator().manual_seed(mix(work.seed, "hide"))
        sums = 0.0
        for rows in batches:
            batch = examples.batch(rows)
            hidden = drop_modalities(batch.present, share=local.modality_dropout, generator=hiding)
            parts = losses(
                model,
                model(batch, hidden),
                examples,
                rows,
                batch.present,
                smoothing=local.smoothing,
            )
            loss = total(parts, local.weights)
            optimizer.zero_grad(set_to_none=False)
            torch.autograd.backward(loss)
            with torch.no_grad():
                if work.mu:
                    for p, s in zip(parameters, start, strict=True):
                        _gradient(p).add_(p - s, alpha=work.mu)
                for p, c in zip(parameters, pull, strict=False):
                    _gradient(p).add_(c)
            nn.utils.clip_grad_norm_(parameters, local.clip)
            optimizer.step()
            sums += loss.item()
        return sums / len(batches), _effective(len(batches), self._memory())

    def _batches(self, work: Work) -> list[Tensor]:
        found: list[Tensor] = []
        for epoch in range(self.local.epochs):
            order = torch.Generator().manual_seed(mix(work.seed, "order", epoch))
            found += language_batches(
                self.data.examples, self.data.train, size=self.local.batch_size, generator=order
            )
        return found[: max(1, round(work.share * len(found)))]

    def _memory(self) -> float:
        return self.local.momentum if self.local.optimizer == "sgd" else 0.0

    def _optimizer(self, parameters: list[nn.Parameter], rate: float) -> torch.optim.Optimizer:
        matrices: dict[str, Any] = {"params": [p for p in parameters if p.ndim > 1]}
        others: dict[str, Any] = {
            "params": [p for p in parameters if p.ndim <= 1],
            "weight_decay": 0.0,
        }
        decay = self.local.weight_decay
        if self.local.optimizer == "sgd":
            return torch.optim.SGD(
                [matrices, others], lr=rate, momentum=self.local.momentum, weight_decay=decay
            )
        return torch.optim.AdamW([matrices, others], lr=rate, betas=(0.9, 0.98), weight_decay=decay)


def trained(model: Multimodal) -> list[tuple[str, nn.Parameter]]:
    """Names and parameters that training changes."""
    return [(n, p) for n, p in model.named_parameters() if not n.startswith("fusion.")]


def weights_of(model: Multimodal) -> Arrays:
    """What is sent."""
    return {name: value.detach().numpy().copy() for name, value in _sent(model)}


@torch.no_grad()
def load(model: Multimodal, arrays: Arrays) -> None:
    """Take over what was sent."""
    for name, value in _sent(model):
        value.copy_(torch.from_numpy(np.array(arrays[name])))


def _sent(model: Multimodal) -> list[tuple[str, Tensor]]:
    """What training changes: weights, and the running figures of batch normalisation."""
    running = [(n, b) for n, b in model.named_buffers() if n.rpartition(".")[2] in RUNNING]
    return [*trained(model), *running]


def _gradient(parameter: nn.Parameter) -> Tensor:
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


def _tensors(arrays: Arrays | None, names: list[str]) -> list[Tensor]:
    return [] if arrays is None else [torch.from_numpy(np.array(arrays[name])) for name in names]


def _effective(steps: int, momentum: float) -> float:
    """FedNova's |a_i| for SGD with momentum (section 4 of the paper); plain SGD counts steps."""
    if not momentum:
        return float(steps)
    return (steps - momentum * (1 - momentum**steps) / (1 - momentum)) / (1 - momentum)
