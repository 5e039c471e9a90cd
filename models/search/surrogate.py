"""What a Gaussian process expects of points not yet tried, from those that were.

    k(a, b) = s exp(-sum_j w_j d_j(a, b)) + sum_f v_f h_f(a) h_f(b),   plus noise

d_j is 0 or 1 where choice j agrees or not (the Hamming kernel with a weight a choice), and the
share of its range between two values of an ordered choice. h_f are hints: zero-cost figures of a
point, such as its parameters, each shifted and scaled over all candidates; the second sum is a
straight line through them with unknown slopes, a prior mean that is learnt. All weights are the
likeliest under a broad log-normal prior, which keeps them sane when points are few.

Sources: Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning", eq. 2.25, 2.26 and
5.9; Ru et al. 2021, "Interpretable Neural Architecture Search via Bayesian Optimisation", for a
kernel on discrete structure in place of a network.

Shapes: N points, P candidates, K choices, F hints, H weights of the kernel.
"""

import dataclasses
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize

from models.search.space import Space

Floats = NDArray[np.float64]

SPREAD = 1.5
"""Standard deviation of each weight's logarithm before anything is seen."""
JITTER = 1e-6
"""Added to the diagonal: two equal points would make the matrix singular."""
STEPS = 25
"""Of L-BFGS; more changes the weights by less than the prior is sure of."""


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Points in the form in which the kernel compares them.

    Args:
        unordered: (N, O) one-hot blocks of the choices without an order.
        owner: (O,) the choice of each of these columns.
        ordered: (N, K) positions as shares of the range; columns of choices without an order are 0.
        hints: (N, F) scaled hints; F may be 0.
    """

    unordered: Floats
    owner: NDArray[np.int64]
    ordered: Floats
    hints: Floats

    @classmethod
    def of(cls, space: Space, points: NDArray[np.int64], hints: Floats) -> Self:
        """Encode points (N, K) and hints (N, F)."""
        blocks, owner = [np.empty((len(points), 0))], []
        ordered = np.zeros(points.shape)
        shares = space.ordinal(points)
        for place, choice in enumerate(space.choices):
            if choice.ordered:
                ordered[:, place] = shares[:, place]
            else:
                blocks.append(np.eye(len(choice.values))[points[:, place]])
                owner += [place] * len(choice.values)
        return cls(np.concatenate(blocks, axis=1), np.array(owner, dtype=np.int64), ordered, hints)

    def rows(self, which: NDArray[np.int64]) -> Self:
        """Some of the points."""
        return dataclasses.replace(
            self,
            unordered=self.unordered[which],
            ordered=self.ordered[which],
            hints=self.hints[which],
        )

    @property
    def choices(self) -> int:
        return int(self.ordered.shape[1])


@dataclasses.dataclass(frozen=True)
class Surrogate:
    """A fitted process. Build it with `learn`, then `given`.

    Args:
        weights: (H,) logarithms: s, then w of each choice, v of each hint, and the noise.
        inputs: the N points that it was given.
        factor: (N, N) lower Cholesky factor of their kernel.
        solved: (N,) the kernel's inverse times the targets.
        centre: mean of the targets.
        scale: their standard deviation.
    """

    weights: Floats
    inputs: Inputs
    factor: Floats
    solved: Floats
    centre: float
    scale: float

    @classmethod
    def given(cls, weights: Floats, inputs: Inputs, targets: Floats) -> Self:
        """Condition on points and their targets (N,), with weights already learnt."""
        centre, scale, standard = _standardised(targets)
        factor: Floats = np.linalg.cholesky(_covariance(weights, inputs)).astype(np.float64)
        solved = cho_solve((factor, True), standard)
        return cls(weights, inputs, factor, solved, centre, scale)

    def predict(self, inputs: Inputs) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each candidate, (P,) and (P,), in units of the targets."""
        cross_PN = _kernel(self.weights, inputs, self.inputs)
        mean = cross_PN @ self.solved
        explained = solve_triangular(self.factor, cross_PN.T, lower=True, check_finite=False)
        hints = np.exp(self.weights[1 + inputs.choices : -1])
        prior = np.exp(self.weights[0]) + (inputs.hints**2) @ hints
        variance = np.maximum(prior - (explained**2).sum(axis=0), 1e-12)
        return self.centre + self.scale * mean, self.scale * np.sqrt(variance)


def learn(inputs: Inputs, targets: Floats) -> Floats:
    """The most likely weights (H,) for points and their targets (N,)."""
    start = _prior(inputs)
    _, _, standard = _standardised(targets)
    found = minimize(
        _loss,
        start,
        args=(inputs, standard, start),
        jac=True,
        method="L-BFGS-B",
        bounds=[(middle - 4 * SPREAD, middle + 4 * SPREAD) for middle in start],
        options={"maxiter": STEPS},
    )
    return np.asarray(found.x)


def _prior(inputs: Inputs) -> Floats:
    """Where the weights start: e^-1 a choice, little for each hint and for the noise."""
    choices, hints = inputs.choices, inputs.hints.shape[1]
    return np.array([0.0, *[-1.0] * choices, *[-3.0] * hints, -4.0])


def _standardised(targets: Floats) -> tuple[float, float, Floats]:
    centre, scale = float(targets.mean()), float(targets.std()) or 1.0
    return centre, scale, (targets - centre) / scale


def _distance(weights: Floats, left: Inputs, right: Inputs) -> Floats:
    """Weighted disagreements (N, P): one product of matrices for all choices without an order."""
    unordered = np.bincount(left.owner, minlength=left.choices) > 0
    shared = (left.unordered * weights[left.owner]) @ right.unordered.T
    found: Floats = float(weights[unordered].sum()) - shared
    for place in np.flatnonzero(~unordered):
        apart = np.abs(left.ordered[:, None, place] - right.ordered[None, :, place])
        found = found + weights[place] * apart
    return found


def _kernel(log_weights: Floats, left: Inputs, right: Inputs) -> Floats:
    weights = np.exp(log_weights)
    choices, hints = weights[1 : 1 + left.choices], weights[1 + left.choices : -1]
    alike: Floats = weights[0] * np.exp(-_distance(choices, left, right))
    linear: Floats = (left.hints * hints) @ right.hints.T
    return alike + linear


def _covariance(log_weights: Floats, inputs: Inputs) -> Floats:
    noise = float(np.exp(log_weights[-1])) + JITTER
    return _kernel(log_weights, inputs, inputs) + noise * np.eye(len(inputs.hints))


def _loss(
    log_weights: Floats, inputs: Inputs, standard: Floats, middle: Floats
) -> tuple[float, Floats]:
    """Negative log posterior of the weights and its gradient (H,)."""
    factor = np.linalg.cholesky(_covariance(log_weights, inputs))
    solved = cho_solve((factor, True), standard)
    away = (log_weights - middle) / SPREAD
    loss = 0.5 * standard @ solved + np.log(np.diag(factor)).sum() + 0.5 * away @ away
    # d loss / d K, elementwise (Rasmussen & Williams, eq. 5.9).
    slope = 0.5 * (cho_solve((factor, True), np.eye(len(standard))) - np.outer(solved, solved))
    weights = np.exp(log_weights)
    choices = weights[1 : 1 + inputs.choices]
    alike = weights[0] * np.exp(-_distance(choices, inputs, inputs))
    by_alike = slope * alike
    gradient = [by_alike.sum()]
    for place, weight in enumerate(choices):
        alone = np.zeros(len(choices))
        alone[place] = weight
        gradient.append(-(by_alike * _distance(alone, inputs, inputs)).sum())
    for column, weight in zip(inputs.hints.T, weights[1 + inputs.choices : -1], strict=True):
        gradient.append(weight * column @ slope @ column)
    gradient.append(weights[-1] * np.trace(slope))
    return float(loss), np.array(gradient) + away / SPREAD
