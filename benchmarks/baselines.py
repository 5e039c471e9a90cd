"""Baselines for the category, on the very features that our model gets: logistic regressions.

Shapes: N rows, C classes, W width.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from benchmarks.data import Fold

Floats = NDArray[np.float64]
STRENGTHS = (0.03, 0.3, 3.0, 30.0)
"""Inverse regularisation strengths; the validation groups choose one for each baseline."""


def baselines(fold: Fold) -> dict[str, Floats]:
    """Class probabilities (N, C) of the labelled test rows.

    majority; audio (mean over segments), image and text (English caption) with logistic
    regression; image+text, the product of the two.
    """
    found = {name: _logistic(fold, name) for name in ("audio", "image", "text")}
    found["image+text"] = _normed(found["image"] * found["text"])
    classes = len(fold.spec.classes)
    counts = np.bincount(_labels(fold, fold.train), minlength=classes)
    test = len(_labels(fold, fold.test))
    found["majority"] = np.tile(counts / counts.sum(), (test, 1))
    return found


def _logistic(fold: Fold, name: str) -> Floats:
    train, validation, test = (
        _inputs(fold, name, rows) for rows in (fold.train, fold.validation, fold.test)
    )
    scaler = StandardScaler().fit(train)
    train, validation, test = (
        scaler.transform(part) / part.shape[1] ** 0.5 for part in (train, validation, test)
    )
    label, judge = _labels(fold, fold.train), _labels(fold, fold.validation)
    models = [
        LogisticRegression(C=strength * 10, max_iter=1000, tol=1e-3).fit(train, label)
        for strength in STRENGTHS
    ]
    best = max(models, key=lambda model: float(model.score(validation, judge)))
    probability = np.zeros((len(test), len(fold.spec.classes)))
    probability[:, best.classes_] = best.predict_proba(test)
    return probability


def _inputs(fold: Fold, name: str, rows: torch.Tensor) -> Floats:
    rows = rows[fold.examples.label[rows] >= 0]
    view = {"audio": "audio", "image": "image", "text": "caption"}[name]
    inputs = fold.examples.batch(rows).inputs[view].double()
    return (inputs.mean(1) if name == "audio" else inputs).numpy()


def _labels(fold: Fold, rows: torch.Tensor) -> NDArray[np.int64]:
    label = fold.examples.label[rows]
    return label[label >= 0].numpy()


def _normed(product: Floats) -> Floats:
    total: Floats = product.sum(1, keepdims=True)
    return product / total
