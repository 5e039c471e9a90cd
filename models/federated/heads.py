"""A client that trains any small torch module on rows of its own: an MLP, a quantum head.

Shapes: N rows, D features, C classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from models.federated.arrays import Arrays
from models.federated.learner import Learned, Work


@dataclass
class HeadLearner:
    """One client: plain SGD on the cross entropy.

    Args:
        name: as tables show it.
        x: (N, D) float32; y: (N,) classes below C.
        build: a new module, (B, D) to scores (B, C); any weights, they come from the server.
        batch_size: rows per step.
        epochs: passes over the rows in a round.
        validation: rows to judge by, (x, y), or None.
    """

    name: str
    x: NDArray[np.float32]
    y: NDArray[np.int64]
    build: Callable[[], nn.Module]
    batch_size: int
    epochs: int
    validation: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None

    @property
    def examples(self) -> int:
        return len(self.y)

    def train(self, arrays: Arrays, work: Work) -> Learned:
        """Learn from the own rows."""
        module = self._loaded(arrays)
        sent = {name: value.detach().clone() for name, value in module.named_parameters()}
        rng = np.random.default_rng(work.seed)
        batches = [
            rows
            for _ in range(self.epochs)
            for rows in torch.split(torch.from_numpy(rng.permutation(len(self.y))), self.batch_size)
        ]
        batches = batches[: max(1, round(work.share * len(batches)))]
        x, y = torch.from_numpy(self.x), torch.from_numpy(self.y)
        total = 0.0
        for rows in batches:
            loss = F.cross_entropy(module(x[rows]), y[rows])
            module.zero_grad()
            torch.autograd.backward(loss)
            total += float(loss.detach())
            _step(module, sent, work)
        metrics = {"train_loss": total / len(batches)}
        return Learned(arrays_of(module), self.examples, float(len(batches)), metrics)

    @torch.no_grad()
    def evaluate(self, arrays: Arrays) -> dict[str, float]:
        """Accuracy and loss on the validation rows."""
        if self.validation is None or not len(self.validation[1]):
            return {"num-examples": 0.0}
        x, y = (torch.from_numpy(value) for value in self.validation)
        scores = self._loaded(arrays)(x)
        return {
            "num-examples": float(len(y)),
            "accuracy": float((scores.argmax(1) == y).double().mean()),
            "loss": float(F.cross_entropy(scores, y)),
        }

    def _loaded(self, arrays: Arrays) -> nn.Module:
        module = self.build()
        module.load_state_dict({name: torch.tensor(value) for name, value in arrays.items()})
        return module


@torch.no_grad()
def _step(module: nn.Module, sent: dict[str, torch.Tensor], work: Work) -> None:
    """One step down, with FedProx's pull and SCAFFOLD's correction where they are asked for."""
    for name, value in module.named_parameters():
        if value.grad is None:
            continue
        step = value.grad
        if work.mu:
            step = step + work.mu * (value - sent[name])
        if work.correction is not None:
            step = step + torch.tensor(work.correction[name])
        value.sub_(work.rate * step)


def arrays_of(module: nn.Module) -> Arrays:
    """Its weights, as they travel."""
    return {name: value.detach().numpy().copy() for name, value in module.state_dict().items()}
