"""Fronts and hypervolumes, against figures by hand and against Optuna's own."""

import numpy as np
import pytest

from models.search.hypervolume import curve, hypervolume, nadir
from models.search.pareto import closest, front, losses, misses, ranks


def test_losses_turn_around_what_is_maximised():
    assert losses([[0.9, 5.0]], [True, False]).tolist() == [[-0.9, 5.0]]
    with pytest.raises(ValueError, match=r"point 1 holds \[nan, 1.0\]: objectives must be finite"):
        losses([[1, 1], [np.nan, 1]], [False, False])


def test_front_by_hand():
    points = np.array([[3, 1], [1, 3], [2, 2], [2, 3], [3, 3], [2, 2]], dtype=float)
    assert front(points).tolist() == [1, 2, 0]  # by the first objective, of equal rows the first
    assert front(points[:0]).tolist() == []


def test_ranks_by_hand():
    # Two staircases and one point behind both; the equal points share their rank.
    points = np.array([[1, 2], [2, 1], [2, 3], [3, 2], [2, 1], [9, 9]], dtype=float)
    assert ranks(points).tolist() == [0, 0, 1, 1, 0, 2]


@pytest.mark.parametrize("objectives", [2, 3])
def test_ranks_are_optunas(objectives):
    from optuna.study._multi_objective import _fast_non_domination_rank

    points = np.random.default_rng(objectives).integers(0, 12, (80, objectives)).astype(float)
    assert ranks(points).tolist() == _fast_non_domination_rank(points).tolist()


def test_area_by_hand():
    # Reference (4, 4): 3 x 1 above y=3, plus 2 x 1 between 3 and 2, plus 1 x 1 between 2 and 1.
    points = np.array([[1, 3], [2, 2], [3, 1], [3, 3]], dtype=float)
    assert hypervolume(points, (4, 4)) == 3 + 2 + 1


def test_volume_by_hand():
    # Boxes up to (2, 2, 2): the unit cube's three faces, 1x2x2 each minus what is shared.
    # |A|=|B|=|C|=4 with corner at one 1 and two 0; pairwise overlap 2, all three 1: 12 - 6 + 1.
    points = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
    assert hypervolume(points, (2, 2, 2)) == 7


@pytest.mark.parametrize("objectives", [2, 3])
def test_hypervolume_is_optunas(objectives):
    from optuna._hypervolume import compute_hypervolume

    for seed in range(5):
        points = np.random.default_rng(seed).random((40, objectives))
        reference = np.full(objectives, 1.1)
        expected = compute_hypervolume(points, reference)
        assert hypervolume(points, reference) == pytest.approx(expected, rel=1e-12)


def test_only_what_lies_below_the_reference_counts():
    assert hypervolume(np.array([[0.0, 5.0], [4.0, 1.0]]), (4, 4)) == 0
    assert hypervolume(np.empty((0, 3)), (1, 1, 1)) == 0


def test_hypervolume_refuses_what_it_is_not_exact_for():
    with pytest.raises(ValueError, match="4 objectives: the hypervolume is exact for 2 or 3"):
        hypervolume(np.zeros((1, 4)), (1, 1, 1, 1))
    with pytest.raises(ValueError, match="the reference point has 2 of 3 objectives"):
        hypervolume(np.zeros((1, 3)), (1, 1))


def test_curve_by_hand():
    points = np.array([[3, 3], [9, 9], [1, 3], [3, 1], [2, 2]], dtype=float)
    assert curve(points, (4, 4)).tolist() == [1, 1, 3, 5, 6]


def test_nadir_is_of_the_front_alone():
    assert nadir(np.array([[1, 5], [4, 2], [9, 9]], dtype=float)).tolist() == [4, 5]


def test_closest_misses_its_worst_limit_by_least():
    # Limits 10 bytes and 2 ms: the first misses one by half, the second both by a tenth.
    points = np.array([[15, 1], [11, 2.2], [30, 9]], dtype=float)
    assert misses(points, (10, 2)).round(12).tolist() == [[0.5, 0], [0.1, 0.1], [2, 3.5]]
    assert closest(points, (10, 2)) == 1


def test_closest_takes_the_best_of_those_that_keep_the_limits():
    points = np.array([[3, 1], [2, 1], [1, 9]], dtype=float)
    assert closest(points, (10, 2)) == 1
    assert closest(points, (10, None)) == 2


def test_a_negative_limit_is_one_of_something_maximised():
    # At least .90 accuracy: -.90 as a loss; .81 misses it by a tenth, .72 by a fifth.
    points = losses([[0.72], [0.81]], [True])
    assert misses(points, (-0.9,)).round(12).tolist() == [[0.2], [0.1]]
    assert closest(points, (-0.9,)) == 1


def test_closest_needs_points_and_a_limit_for_each_objective():
    with pytest.raises(ValueError, match="no point was measured"):
        closest(np.empty((0, 2)), (1, 1))
    with pytest.raises(ValueError, match="1 limits for 2 objectives"):
        closest(np.zeros((1, 2)), (1,))
