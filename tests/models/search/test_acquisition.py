"""Expected gain: against simulation with the exact hypervolume, and by hand."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from models.search.acquisition import expected_gain, shortfall
from models.search.hypervolume import hypervolume
from models.search.pareto import front


def test_shortfall_is_its_integral():
    expected, _ = quad(lambda y: (1.5 - y) * norm.pdf(y, 2.0, 0.7), -20, 1.5)
    assert shortfall(1.5, np.array([2.0]), np.array([0.7])) == pytest.approx([expected])


def test_one_objective_is_the_improvement_on_the_best():
    mean, deviation = np.array([[0.3]]), np.array([[0.2]])
    found = expected_gain(mean, deviation, np.array([[0.5], [0.4]]), np.array([9.0]))
    assert found == pytest.approx(shortfall(0.4, mean[0], deviation[0]))


def test_a_sure_point_gains_what_it_adds():
    # Front (1, 3), (3, 1) below (4, 4): (2, 2) adds the square between (2, 2) and (3, 3).
    known = np.array([[1.0, 3.0], [3.0, 1.0]])
    found = expected_gain(
        np.array([[2.0, 2.0], [3.5, 3.5]]), np.full((2, 2), 1e-9), known, np.array([4.0, 4.0])
    )
    assert found == pytest.approx([1, 0])


@pytest.mark.parametrize("objectives", [2, 3])
def test_gain_is_the_mean_growth_of_the_hypervolume(objectives):
    rng = np.random.default_rng(objectives)
    known = rng.random((12, objectives))
    known = known[front(known)]
    bound = np.full(objectives, 1.1)
    mean, deviation = rng.random(objectives) * 0.5, rng.random(objectives) * 0.3 + 0.05
    before = hypervolume(known, bound)
    draws = rng.normal(mean, deviation, (4000, objectives))
    grown = np.array([hypervolume(np.vstack([known, draw]), bound) - before for draw in draws])
    found = expected_gain(mean[None], deviation[None], known, bound)[0]
    assert abs(found - grown.mean()) < 4 * grown.std() / np.sqrt(len(grown))
