"""The Gaussian process: against scikit-learn's, and its gradient against finite differences."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from models.search.space import Space
from models.search.surrogate import Inputs, Surrogate, _kernel, _loss, _prior, learn

SPACE = Space.of({"op": ["conv", "pool", "none"], "act": ["gelu", "relu"], "depth": [1, 2, 3]})


def inputs(points, hints=()):
    points = np.array(points)
    return Inputs.of(SPACE, points, np.array(hints, dtype=float).reshape(len(points), -1))


def some(count, seed=0):
    rng = np.random.default_rng(seed)
    points = SPACE.sample(rng, count)
    return inputs(points, rng.standard_normal((count, 2))), rng.standard_normal(count)


def test_kernel_by_hand():
    # s=2; w = .5 (op), 1 (act), 3 (depth); v=4. op differs, act agrees, depth half a range apart.
    weights = np.log([2, 0.5, 1, 3, 4, 0.1])
    left, right = inputs([[0, 1, 0]], [[0.5]]), inputs([[2, 1, 1]], [[-1.0]])
    expected = 2 * np.exp(-(0.5 + 0 + 3 / 2)) + 4 * 0.5 * -1.0
    assert _kernel(weights, left, right) == pytest.approx(expected)


def test_prediction_is_scikit_learns():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF

    # On one choice of two values with weight w, exp(-w d) is an RBF of length 1 / sqrt(2 w).
    space = Space.of({"a": ["x", "y", "z"]})
    seen, left = np.array([[0], [1]]), np.array([[0], [1], [2]])
    targets = np.array([3.0, 5.0])
    weights = np.log([1.0, 0.7, 0.2])
    ours = Surrogate.given(weights, Inputs.of(space, seen, np.empty((2, 0))), targets)
    mean, deviation = ours.predict(Inputs.of(space, left, np.empty((3, 0))))
    # One-hot rows lie sqrt(2) apart, so their squared distance is 2 d.
    theirs = GaussianProcessRegressor(
        RBF(1 / np.sqrt(0.7)), alpha=0.2 + 1e-6, optimizer=None, normalize_y=True
    )
    theirs.fit(space.one_hot(seen), targets)
    expected, spread = theirs.predict(space.one_hot(left), return_std=True)
    assert mean == pytest.approx(expected)
    assert deviation == pytest.approx(spread)


def test_gradient_is_that_of_finite_differences():
    found, targets = some(12)
    middle = _prior(found)
    start = middle + np.random.default_rng(1).normal(0, 0.3, len(middle))
    arguments = (found, targets, middle)
    error = check_grad(lambda w: _loss(w, *arguments)[0], lambda w: _loss(w, *arguments)[1], start)
    assert error < 1e-5


def test_learning_finds_the_choice_that_matters_and_the_hint_that_does_not():
    points = np.array(list(SPACE.points()))
    rng = np.random.default_rng(0)
    targets = np.array([0.0, 3.0, -2.0])[points[:, 0]]  # the first choice decides alone
    weights = learn(inputs(points, rng.standard_normal((len(points), 1))), targets)
    assert weights[1] > max(weights[2], weights[3]) + 1
    assert weights[4] < -3


def test_a_hint_carries_over_to_what_was_never_near():
    points = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [0, 0, 2]])
    hints = np.linspace(-1, 1, 5)
    seen = inputs(points, hints)
    targets = 10 + 4 * hints
    surrogate = Surrogate.given(learn(seen, targets), seen, targets)
    mean, _ = surrogate.predict(inputs([[2, 1, 2], [2, 0, 0]], [1.0, -1.0]))
    assert mean[0] > mean[1] + 2


def test_equal_targets_and_equal_points_are_no_trouble():
    seen = inputs([[0, 0, 0], [0, 0, 0], [1, 1, 1]])
    targets = np.full(3, 7.0)
    mean, deviation = Surrogate.given(learn(seen, targets), seen, targets).predict(seen)
    assert mean == pytest.approx(targets)
    assert np.isfinite(deviation).all()
