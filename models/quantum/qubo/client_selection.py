"""Which k clients learn in a round, as a QUBO: useful, fast, seldom asked, and unlike each other.

energy = - utility . x + latency_weight * latency . x + turns_weight * turns . x
         + overlap_weight / (k - 1) * sum_{i<j} overlap_ij x_i x_j,   exactly k of x are 1.

All figures lie between 0 and 1; what a client does not tell counts as the mean of those who do.

Sources: utility as in Oort, Lai et al. 2021, https://arxiv.org/abs/2010.06081 (rows times loss; the
square root of the mean squared loss there, the mean loss here); overlap is the cosine of two
clients' class counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.quantum.qubo.constraints import Exactly
from models.quantum.qubo.problem import Floats, QuboProblem


@dataclass(frozen=True)
class Candidate:
    """A client as the server knows it.

    Args:
        name: unique.
        examples: rows that it learns from.
        loss: its last training loss; None before its first round: the highest that is known.
        seconds: that a round takes it; None where it does not tell.
        labels: rows by class; empty where it does not tell.
        turns: rounds that it took part in.
    """

    name: str
    examples: int
    loss: float | None = None
    seconds: float | None = None
    labels: Mapping[str, int] = field(default_factory=dict)
    turns: int = 0

    def __post_init__(self) -> None:
        for what, value in (("loss", self.loss), ("seconds", self.seconds)):
            if value is not None and not np.isfinite(value):
                raise ValueError(f"client {self.name}: {what} is {value}: it must be finite")
        if min(self.examples, self.turns, *self.labels.values(), 0) < 0 or (self.seconds or 0) < 0:
            raise ValueError(f"client {self.name}: rows, turns and seconds are 0 or more")


@dataclass(frozen=True)
class Weights:
    """What counts how much, against a utility of 1."""

    latency: float = 0.5
    turns: float = 0.5
    overlap: float = 0.5


def client_selection(
    candidates: Sequence[Candidate], k: int, *, weights: Weights | None = None
) -> QuboProblem:
    """The problem of choosing k clients; variables have the clients' names.

    Raises:
        ValueError: no clients, a name twice, or k out of range.
    """
    names = [one.name for one in candidates]
    if not 1 <= k <= len(names):
        raise ValueError(f"k={k} of {len(names)} clients: choose from 1 to {len(names)}")
    told = weights or Weights()
    gain = _utility(candidates)
    cost = told.latency * _scaled([one.seconds for one in candidates])
    cost += told.turns * _scaled([float(one.turns) for one in candidates])
    matrix = np.triu(overlap(candidates), 1) * told.overlap / max(k - 1, 1)
    matrix += np.diag(cost - gain)
    return QuboProblem(tuple(names), matrix, 0.0, (Exactly("clients in a round", tuple(names), k),))


def overlap(candidates: Sequence[Candidate]) -> Floats:
    """How alike the clients' classes are, (N, N): 1 for the same shares, 0 for none in common.

    Pairs of which one does not tell get the mean of the pairs that do, or 0.
    """
    classes = sorted({name for one in candidates for name in one.labels})
    counts = np.array([[one.labels.get(name, 0) for name in classes] for one in candidates], float)
    size = np.linalg.norm(counts.reshape(len(candidates), -1), axis=1)
    tells = size > 0
    unit = np.divide(counts, size[:, None], out=np.zeros_like(counts), where=tells[:, None])
    found: Floats = unit @ unit.T
    both = np.outer(tells, tells)
    pairs = np.triu(both, 1)
    found[~both] = found[pairs].mean() if pairs.any() else 0.0
    return found


def _utility(candidates: Sequence[Candidate]) -> Floats:
    known = [one.loss for one in candidates if one.loss is not None]
    highest = max(known, default=1.0)
    losses = np.array([highest if one.loss is None else one.loss for one in candidates])
    return _scaled(
        (np.array([one.examples for one in candidates]) * np.maximum(losses, 0)).tolist()
    )


def _scaled(values: Sequence[float | None]) -> Floats:
    """As shares of the largest; the mean where nothing is told, 0 where all are 0."""
    known = [value for value in values if value is not None]
    if not known or max(known) <= 0:
        return np.zeros(len(values))
    mean = sum(known) / len(known)
    return np.array([mean if value is None else value for value in values]) / max(known)
