"""A variational classifier for two classes: angles in, entangling layers, the sign of <Z_0>.

Sources: Schuld et al. 2018, https://arxiv.org/abs/1804.00633; the layers are PennyLane's.
Shapes: B rows, n features and as many qubits, L layers.
"""

from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import ArrayLike, NDArray
from pennylane import numpy as pnp

from models.quantum.toolbox.checks import at_least
from models.quantum.toolbox.optimisers import Minimum, minimise
from models.quantum.toolbox.simulators import batch_device


class VariationalClassifier:
    """Features are scaled to angles by the range seen in training, from 0 to pi.

    Args:
        layers: L, at least 1.
        seed: of the first weights, from 0 to 2 pi.
    """

    def __init__(self, *, layers: int = 2, seed: int = 0) -> None:
        self.layers = at_least(layers, 1, "layers")
        self.seed = seed
        self.classes: NDArray[Any] | None = None

    def fit(self, x: ArrayLike, y: ArrayLike, *, steps: int = 40, method: str = "adam") -> Minimum:
        """Learn from rows (B, n) and two labels (B,); the loss is the mean square error of <Z_0>.

        Raises:
            ValueError: shapes that do not fit, values that are not finite, or not two labels.
        """
        rows, labels = _table(x), np.asarray(y)
        classes = np.unique(labels)
        if labels.shape != (len(rows),) or len(classes) != 2:
            raise ValueError(
                f"labels of shape {labels.shape} with {len(classes)} values: "
                f"give {len(rows)} of two kinds"
            )
        self.classes, self.low, self.high = classes, rows.min(0), rows.max(0)
        if not (self.high > self.low).all():
            constant = np.flatnonzero(self.high <= self.low).tolist()
            raise ValueError(f"features {constant} never change: leave them out")
        qubits = rows.shape[1]
        self.shape = qml.StronglyEntanglingLayers.shape(self.layers, qubits)
        self.node = qml.QNode(_circuit, batch_device(qubits), diff_method="backprop")
        angles = self._angles(rows)
        signs = np.where(labels == classes[1], -1.0, 1.0)

        def loss(weights: Any) -> Any:
            told = self.node(angles, weights.reshape(self.shape))
            return pnp.mean((told - signs) ** 2)

        rng = np.random.default_rng(self.seed)
        start = rng.uniform(0, 2 * np.pi, int(np.prod(self.shape)))
        found = minimise(loss, start, method=method, steps=steps, escape=False, seed=self.seed)
        self.weights = found.values.reshape(self.shape)
        return found

    def decision(self, x: ArrayLike) -> NDArray[np.float64]:
        """<Z_0> of rows (B, n): 1 for the first label in sorted order, -1 for the second."""
        self._known()
        rows = _table(x)
        if rows.shape[1] != len(self.low):
            raise ValueError(f"{rows.shape[1]} features: it learned from {len(self.low)}")
        return np.asarray(self.node(self._angles(rows), self.weights), np.float64)

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """Labels of rows (B, n)."""
        told = self.decision(x)
        first, second = self._known()
        return np.where(told < 0, second, first)

    def _known(self) -> NDArray[Any]:
        if self.classes is None:
            raise ValueError("the classifier has learned nothing yet: call fit first")
        return self.classes

    def _angles(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        angles: NDArray[np.float64] = np.pi * (rows - self.low) / (self.high - self.low)
        return angles


def _circuit(angles: Any, weights: Any) -> object:
    wires = range(np.shape(weights)[1])
    qml.AngleEmbedding(angles, wires=wires, rotation="Y")
    qml.StronglyEntanglingLayers(weights, wires=wires)
    return qml.expval(qml.Z(0))


def _table(x: ArrayLike) -> NDArray[np.float64]:
    rows = np.asarray(x, np.float64)
    if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
        raise ValueError(f"rows of shape {rows.shape}: give finite numbers (B, n), one row or more")
    return rows
