"""How good predictions are, and how sure we may be of it.

Clips of one group are near copies of each other (one stamp spoken in nine languages), so every
interval here resamples whole groups, never clips: Efron & Tibshirani 1993, chapter 8 (cluster
bootstrap). Shapes: N rows, C classes, G groups, R resamples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """A figure with the 95% interval of its bootstrap."""

    value: float
    low: float
    high: float

    def flat(self, name: str) -> dict[str, float]:
        """As metrics: `name`, `name_low`, `name_high`."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


@dataclass(frozen=True)
class Paired:
    """Candidate minus reference on the same rows.

    Args:
        difference: accuracy of the candidate minus accuracy of the reference.
        low, high: 95% interval of the difference over groups.
        better: share of the resamples in which the candidate was strictly better.
    """

    difference: float
    low: float
    high: float
    better: float


def confusion(predicted: Ints, label: Ints, classes: int) -> Ints:
    """Count (C, C): rows are true classes, columns are predictions."""
    _check_lengths(predicted=predicted, label=label)
    return np.bincount(label * classes + predicted, minlength=classes * classes).reshape(
        classes, classes
    )


def accuracy(table: NDArray[np.number]) -> Floats:
    """Share of the diagonal of confusion tables (..., C, C)."""
    total = table.sum((-2, -1))
    return np.asarray(np.trace(table, axis1=-2, axis2=-1) / np.maximum(total, 1), dtype=float)


def macro_f1(table: NDArray[np.number]) -> Floats:
    """Mean F1 over the classes that occur in truth or prediction, from tables (..., C, C).

    The same as scikit-learn's `f1_score(average="macro", zero_division=0)` without `labels`.
    """
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    seen = table.sum(-1) + table.sum(-2)
    scores = np.where(seen > 0, 2 * hits / np.maximum(seen, 1), 0.0)
    return np.asarray(scores.sum(-1) / np.maximum((seen > 0).sum(-1), 1), dtype=float)


def score(
    predicted: Ints,
    label: Ints,
    group: NDArray[np.str_],
    *,
    classes: int,
    resamples: int,
    seed: int,
) -> dict[str, Interval]:
    """Accuracy and macro-F1 with 95% bootstrap intervals over groups.

    Args:
        predicted, label: class indices (N,).
        group: name of each row's group (N,); a group is drawn whole or not at all.

    Raises:
        ValueError: lengths differ or there is no row.
    """
    _check_lengths(predicted=predicted, label=label, group=group)
    number, index = _groups(group)
    tables = np.zeros((number, classes, classes))
    np.add.at(tables, (index, label, predicted), 1)
    whole = tables.sum(0)
    drawn = _draws(number, resamples, seed) @ tables.reshape(number, -1)
    sampled = drawn.reshape(resamples, classes, classes)
    return {
        "accuracy": _interval(float(accuracy(whole)), accuracy(sampled)),
        "macro_f1": _interval(float(macro_f1(whole)), macro_f1(sampled)),
    }


def mean_over_groups(
    value: Floats, group: NDArray[np.str_], *, resamples: int, seed: int
) -> Interval:
    """Mean of a figure per row (N,) with its interval over groups; for recall@k and the like."""
    _check_lengths(value=value, group=group)
    number, index = _groups(group)
    sums = np.bincount(index, weights=value, minlength=number)
    counts = np.bincount(index, minlength=number)
    draws = _draws(number, resamples, seed)
    return _interval(float(value.mean()), (draws @ sums) / (draws @ counts))


def compare(
    candidate: Ints,
    reference: Ints,
    label: Ints,
    group: NDArray[np.str_],
    *,
    resamples: int,
    seed: int,
) -> Paired:
    """Is the candidate better than the reference on the same rows? Paired bootstrap over groups."""
    _check_lengths(candidate=candidate, reference=reference, label=label, group=group)
    gain = (candidate == label).astype(float) - (reference == label).astype(float)
    number, index = _groups(group)
    sums = np.bincount(index, weights=gain, minlength=number)
    counts = np.bincount(index, minlength=number)
    draws = _draws(number, resamples, seed)
    sampled = (draws @ sums) / (draws @ counts)
    found = _interval(float(gain.mean()), sampled)
    return Paired(found.value, found.low, found.high, float((sampled > 0).mean()))


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy in equal-width bins of the top probability.

    Args:
        confidence, accuracy: mean of each bin (bins,), 0 where the bin is empty.
        count: rows in each bin (bins,).
        ece: expected calibration error, Guo et al. 2017 (https://arxiv.org/abs/1706.04599).
    """

    confidence: Floats
    accuracy: Floats
    count: Ints
    ece: float


def reliability(probability: Floats, label: Ints, *, bins: int) -> Reliability:
    """Reliability table of class probabilities (N, C) against labels (N,)."""
    _check_lengths(probability=probability, label=label)
    top = probability.max(1)
    hit = (probability.argmax(1) == label).astype(float)
    place = np.clip(np.ceil(top * bins).astype(int) - 1, 0, bins - 1)  # (low, high], as the paper
    count = np.bincount(place, minlength=bins)
    safe = np.maximum(count, 1)
    confidence = np.bincount(place, weights=top, minlength=bins) / safe
    correct = np.bincount(place, weights=hit, minlength=bins) / safe
    error = float((count / count.sum() * np.abs(confidence - correct)).sum())
    return Reliability(confidence, correct, count, error)


def ranks(similarity: Floats, target: Ints) -> Ints:
    """Rank of each query's own candidate, 1 is best; ties count against us.

    Args:
        similarity: (N, K), one row a query.
        target: (N,) column of the right candidate.
    """
    _check_lengths(similarity=similarity, target=target)
    own = np.take_along_axis(similarity, target[:, None], 1)
    return np.asarray((similarity >= own).sum(1), dtype=np.int64)


def _groups(group: NDArray[np.str_]) -> tuple[int, Ints]:
    names, index = np.unique(group, return_inverse=True)
    return len(names), index


def _draws(number: int, resamples: int, seed: int) -> Floats:
    """How often each group is drawn (R, G)."""
    share = np.full(number, 1 / number)
    return np.random.default_rng(seed).multinomial(number, share, size=resamples).astype(float)


def _interval(value: float, sampled: Floats) -> Interval:
    low, high = np.quantile(sampled, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def _check_lengths(**columns: NDArray[np.generic]) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise ValueError(f"columns need one common length above 0, got {lengths}")
