"""A small torch classifier: what the warm worker is measured with."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.federated.arrays import Arrays
from models.federated.learner import Learned, Work


@dataclass
class TorchMlpLearner:
    """One client: one hidden layer, plain SGD.

    Args:
        name: as tables show it.
        x: (N, D) float32; y: (N,) classes below `classes`.
        classes: C.
        hidden: width.
        batch_size: rows per step.
        epochs: passes over the rows in a round.
    """

    name: str
    x: NDArray[np.float32]
    y: NDArray[np.int64]
    classes: int
    hidden: int
    batch_size: int
    epochs: int

    @property
    def examples(self) -> int:
        return len(self.y)

    def train(self, arrays: Arrays, work: Work) -> Learned:
        """Learn from the own rows.

        Raises:
            ValueError: FedProx's pull or SCAFFOLD's correction is asked for; neither is here.
        """
        if work.mu or work.correction is not None:
            raise ValueError("torch-mlp learners know plain SGD alone: take another strategy")
        model = network(self.x.shape[1], self.hidden, self.classes)
        model.load_state_dict({name: torch.tensor(value) for name, value in arrays.items()})
        optimizer = torch.optim.SGD(model.parameters(), lr=work.rate)
        rng = np.random.default_rng(work.seed)
        x, y = torch.from_numpy(self.x), torch.from_numpy(self.y)
        total, steps = 0.0, 0
        for _ in range(self.epochs):
            order = torch.from_numpy(rng.permutation(len(self.y)))
            for start in range(0, len(order), self.batch_size):
                rows = order[start : start + self.batch_size]
                loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                total, steps = total + float(loss.detach()), steps + 1
        return Learned(arrays_of(model), self.examples, steps, {"train_loss": total / steps})

    def evaluate(self, arrays: Arrays) -> dict[str, float]:
        """Nothing is kept aside to judge by."""
        del arrays
        return {"num-examples": 0.0}


def network(features: int, hidden: int, classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def arrays_of(model: nn.Module) -> Arrays:
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def initial(features: int, hidden: int, classes: int, *, seed: int) -> Arrays:
    """Weights to start from."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return arrays_of(network(features, hidden, classes))
