"""Multinomial logistic regression in NumPy: a learner for experiments with many clients.

Small enough that a thousand clients take seconds, convex, and what several papers report on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.federated.arrays import Arrays
from models.federated.learner import Learned, Work

WEIGHT, BIAS = "weight", "bias"


@dataclass
class SoftmaxLearner:
    """One client.

    Args:
        name: as tables show it.
        x: (N, D) float32; y: (N,) classes below `classes`.
        classes: C.
        batch_size: rows per step.
        epochs: passes over the rows in a round; ignored where `steps` is given.
        steps: gradient steps in a round, on rows drawn with replacement; 0 to count in epochs.
        validation: rows to judge by, (x, y), or None.
    """

    name: str
    x: NDArray[np.float32]
    y: NDArray[np.int64]
    classes: int
    batch_size: int
    epochs: int = 1
    steps: int = 0
    validation: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None

    @property
    def examples(self) -> int:
        return len(self.y)

    def train(self, arrays: Arrays, work: Work) -> Learned:
        """Plain SGD on the cross entropy."""
        weight, bias = arrays[WEIGHT].copy(), arrays[BIAS].copy()
        start, pulled = arrays, work.correction
        rng = np.random.default_rng(work.seed)
        losses, count = 0.0, 0
        for rows in self._batches(rng, work.share):
            x, y = self.x.take(rows, axis=0), self.y.take(rows)
            p = softmax(x @ weight + bias)
            flat, right = p.reshape(-1), np.arange(0, p.size, p.shape[1]) + y
            chance = flat.take(right)
            losses -= float(np.add.reduce(np.log(np.maximum(chance, 1e-12))) / len(y))
            flat[right] = chance - 1
            p /= len(y)
            step, shift = x.T @ p, np.add.reduce(p, axis=0)
            if work.mu:
                step += work.mu * (weight - start[WEIGHT])
                shift += work.mu * (bias - start[BIAS])
            if pulled is not None:
                step, shift = step + pulled[WEIGHT], shift + pulled[BIAS]
            step *= work.rate
            weight -= step
            shift *= work.rate
            bias -= shift
            count += 1
        found = {WEIGHT: weight.astype(np.float32), BIAS: bias.astype(np.float32)}
        return Learned(found, self.examples, float(count), {"train_loss": losses / max(count, 1)})

    def evaluate(self, arrays: Arrays) -> dict[str, float]:
        """Accuracy and loss on the validation rows."""
        if self.validation is None or not len(self.validation[1]):
            return {"num-examples": 0.0}
        x, y = self.validation
        return {"num-examples": float(len(y)), **judge(arrays, x, y)}

    def _batches(self, rng: np.random.Generator, share: float) -> list[NDArray[np.int64]]:
        if self.steps:
            count = max(1, round(share * self.steps))
            return list(rng.integers(0, len(self.y), (count, self.batch_size)))
        order = [rng.permutation(len(self.y)) for _ in range(self.epochs)]
        whole = [rows for one in order for rows in _cut(one, self.batch_size)]
        return whole[: max(1, round(share * len(whole)))]


def judge(arrays: Arrays, x: NDArray[np.float32], y: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy and mean cross entropy."""
    p = softmax(x @ arrays[WEIGHT] + arrays[BIAS])
    right = p[np.arange(len(y)), y]
    return {
        "accuracy": float((p.argmax(1) == y).mean()),
        "loss": float(-np.log(np.maximum(right, 1e-12)).mean()),
    }


def blank(features: int, classes: int) -> Arrays:
    """Weights of zero: where the papers start."""
    return {
        WEIGHT: np.zeros((features, classes), np.float32),
        BIAS: np.zeros(classes, np.float32),
    }


def softmax(z: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = z - np.maximum.reduce(z, axis=1, keepdims=True)
    np.exp(found, out=found)
    found /= np.add.reduce(found, axis=1, keepdims=True)
    return found


def _cut(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [order[start : start + size] for start in range(0, len(order), size)]
