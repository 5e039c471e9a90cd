"""A support vector machine on a quantum kernel, which makes the state of each sample once."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC

from models.quantum.kernels import Floats, Kernel, States, checked

ANGLE = np.pi / 2
"""Features of the training samples are stretched to -ANGLE..ANGLE, as in Bowles et al. 2024."""
Labels = NDArray[np.int64]


@dataclass
class QSVM:
    """Fit on samples and labels, predict labels.

    Args:
        kernel: how samples become states.
        c: of the support vector machine: large ones bend more for each training sample.

    Attributes:
        circuits: states made so far, one circuit each.

    Raises:
        ValueError: c is not above 0.
    """

    kernel: Kernel
    c: float = 1.0
    circuits: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if not self.c > 0:
            raise ValueError(f"c={self.c}: it weighs training errors; use a number above 0")

    def fit(self, x: Floats, y: Labels) -> "QSVM":
        """Learn from x (N, D) and labels y (N,).

        Raises:
            ValueError: lengths differ, all labels are alike, or x is not finite numbers.
        """
        x = checked(x)
        if len(y) != len(x):
            raise ValueError(f"{len(x)} samples and {len(y)} labels: give one label each")
        if len(np.unique(y)) < 2:
            raise ValueError(f"all {len(y)} labels are {y[0]}: two classes or more are needed")
        self._scaler = MinMaxScaler((-ANGLE, ANGLE)).fit(x)
        self._known = self._states(x)
        self._machine = SVC(kernel="precomputed", C=self.c)
        self._machine.fit(self.kernel.overlaps(self._known, self._known), y)
        return self

    def predict(self, x: Floats) -> Labels:
        """Labels (M,) of x (M, D); after `fit`.

        Raises:
            ValueError: not fitted, another number of features, or x is not finite numbers.
        """
        if not hasattr(self, "_machine"):
            raise ValueError("predict before fit: fit on samples with labels first")
        x = checked(x)
        if x.shape[1] != self._scaler.n_features_in_:
            raise ValueError(
                f"samples of {x.shape[1]} features, fitted on {self._scaler.n_features_in_}: "
                "give the same features"
            )
        overlaps = self.kernel.overlaps(self._states(x), self._known)
        found: Labels = self._machine.predict(overlaps)
        return found

    def score(self, x: Floats, y: Labels) -> float:
        """Share of x (M, D) whose predicted label is y (M,)."""
        return float(np.mean(self.predict(x) == np.asarray(y)))

    def _states(self, x: Floats) -> States:
        self.circuits += len(x)
        return self.kernel.states(self._scaler.transform(x))
