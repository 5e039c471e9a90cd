"""Walk, teleportation and the classifier."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_iris

from models.quantum.toolbox.classifier import VariationalClassifier
from models.quantum.toolbox.measures import fidelity
from models.quantum.toolbox.states import random_pure
from models.quantum.toolbox.teleportation import teleport
from models.quantum.toolbox.walk import SPREAD, walk

# Kempe 2003, table 2: from |down>|0>, by steps.
KEMPE = {
    1: {-1: 1 / 2, 1: 1 / 2},
    2: {-2: 1 / 4, 0: 1 / 2, 2: 1 / 4},
    3: {-3: 1 / 8, -1: 5 / 8, 1: 1 / 8, 3: 1 / 8},
    4: {-4: 1 / 16, -2: 5 / 8, 0: 1 / 8, 2: 1 / 8, 4: 1 / 16},
    5: {-5: 1 / 32, -3: 17 / 32, -1: 1 / 8, 1: 1 / 8, 3: 5 / 32, 5: 1 / 32},
}


@pytest.mark.parametrize("steps", KEMPE)
def test_the_walk_is_that_of_the_table(steps: int) -> None:
    found = walk(steps, coin="down")
    expected = [KEMPE[steps].get(int(place), 0) for place in found.places]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-12)


def test_the_walk_is_that_of_its_recursion() -> None:
    found = walk(20)
    amplitudes = np.zeros((2, 43), np.complex128)
    amplitudes[:, 21] = np.array([1, 1j]) / math.sqrt(2)
    for _ in range(20):
        up, down = amplitudes[0] + amplitudes[1], amplitudes[0] - amplitudes[1]
        amplitudes[:] = np.stack([np.roll(up, 1), np.roll(down, -1)]) / math.sqrt(2)
    expected = (np.abs(amplitudes) ** 2).sum(0)[1:-1]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-12)
    assert found.deviation == pytest.approx(10.84, abs=0.01)


def test_the_walk_spreads_with_time_not_with_its_root() -> None:
    # Konno 2002: deviation / t tends to sqrt(1 - 1/sqrt 2) = 0.541; a classical walk has sqrt t.
    found = walk(40)
    assert found.deviation / 40 == pytest.approx(SPREAD, rel=0.01)
    assert math.sqrt(1 - 1 / math.sqrt(2)) == SPREAD
    np.testing.assert_allclose(found.probabilities, found.probabilities[::-1], atol=1e-12)


def test_walks_that_cannot_be_walked() -> None:
    with pytest.raises(ValueError, match="steps=0: at least 1"):
        walk(0)
    with pytest.raises(ValueError, match="coin 'left' is not known: take one of up, down, even"):
        walk(2, coin="left")


@pytest.mark.parametrize("seed", range(4))
def test_any_qubit_is_teleported(seed: int) -> None:
    state = random_pure(1, seed=seed)
    assert fidelity(state, teleport(state)) == pytest.approx(1, abs=1e-12)


def test_only_one_qubit_is_teleported() -> None:
    with pytest.raises(ValueError, match="4 amplitudes: one qubit has 2"):
        teleport([1, 0, 0, 0])
    with pytest.raises(ValueError, match=r"norm 1\.41421"):
        teleport([1, 1])


def iris(first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = load_iris(return_X_y=True)
    kept = (y == first) | (y == second)
    order = np.random.default_rng(0).permutation(int(kept.sum()))
    return x[kept][order], y[kept][order]


def test_setosa_is_told_from_versicolor() -> None:
    # Linearly separable: Fisher 1936.
    x, y = iris(0, 1)
    model = VariationalClassifier(layers=2, seed=1)
    learned = model.fit(x[:70], y[:70], steps=25)
    assert learned.cost < learned.trace[0] / 2
    assert (model.predict(x[70:]) == y[70:]).mean() == 1
    assert np.abs(model.decision(x)).max() <= 1 + 1e-12


@pytest.mark.slow
def test_versicolor_is_mostly_told_from_virginica() -> None:
    # They overlap: logistic regression gets 0.94 to 0.97 right.
    x, y = iris(1, 2)
    right = []
    for fold in range(4):
        held = np.arange(100) % 4 == fold
        model = VariationalClassifier(layers=4, seed=0)
        model.fit(x[~held], y[~held], steps=40, method="lbfgs")
        right.append((model.predict(x[held]) == y[held]).mean())
    assert np.mean(right) >= 0.88


def test_same_seed_same_weights() -> None:
    x, y = iris(0, 1)
    found = []
    for seed in (3, 3, 4):
        model = VariationalClassifier(layers=1, seed=seed)
        model.fit(x[:12], y[:12], steps=2)
        found.append(model.weights)
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[1], found[2])


def test_tables_that_cannot_be_learned() -> None:
    x, y = iris(0, 1)
    model = VariationalClassifier()
    with pytest.raises(ValueError, match="learned nothing yet: call fit first"):
        model.predict(x)
    with pytest.raises(ValueError, match=r"with 1 values: give 5 of two kinds"):
        model.fit(x[:5], [1] * 5)
    with pytest.raises(ValueError, match=r"labels of shape \(4,\)"):
        model.fit(x[:5], y[:4])
    with pytest.raises(ValueError, match=r"features \[1\] never change: leave them out"):
        model.fit([[0, 1], [1, 1]], [0, 1])
    with pytest.raises(ValueError, match=r"rows of shape \(0, 2\)"):
        model.fit(np.empty((0, 2)), [])
    with pytest.raises(ValueError, match="finite numbers"):
        model.fit([[math.nan], [1.0]], [0, 1])
    model.fit(x[:8], y[:8], steps=1)
    with pytest.raises(ValueError, match="3 features: it learned from 4"):
        model.predict(x[:, :3])
