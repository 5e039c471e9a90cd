"""The small variational classifier on iris, beside logistic regression on the same folds."""

from typing import Any

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.seeds import over_seeds
from models.quantum.toolbox.classifier import VariationalClassifier

FOLDS, LAYERS, STEPS = 5, 4, 40
PAIRS = {"setosa, versicolor": (0, 1), "versicolor, virginica": (1, 2)}


def iris() -> dict[str, Any]:
    """Accuracy over folds, for two pairs of species."""
    x, y = load_iris(return_X_y=True)
    found: dict[str, Any] = {"folds": FOLDS, "layers": LAYERS, "pairs": {}}
    for name, pair in PAIRS.items():
        kept = np.isin(y, pair)
        rows, labels = x[kept], y[kept]
        right: dict[str, list[float]] = {"variational": [], "logistic regression": []}
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        for train, test in folds.split(rows, labels):
            ours = VariationalClassifier(layers=LAYERS, seed=0)
            ours.fit(rows[train], labels[train], steps=STEPS, method="lbfgs")
            theirs = make_pipeline(StandardScaler(), LogisticRegression())
            theirs.fit(rows[train], labels[train])
            for which, model in zip(right, (ours, theirs), strict=True):
                right[which].append(float((model.predict(rows[test]) == labels[test]).mean()))
        found["pairs"][name] = {which: _over_folds(runs) for which, runs in right.items()}
    return found


def _over_folds(runs: list[float]) -> dict[str, Any]:
    """Mean and interval, which ends at 1 as an accuracy does."""
    found = over_seeds(runs)
    return found | {"mean_high": min(1.0, found["mean_high"])}
