"""P values counted by hand, against SciPy, and Holm's against R."""

import numpy as np
import pytest
from scipy.stats import permutation_test

from models.permutation import holm, sign_flip_p


@pytest.mark.parametrize(
    ("lead", "p_value"),
    [
        # 8 sign patterns; only +3 +1 +1 reaches 5.
        ([3, 1, 1], 1 / 8),
        # 16 patterns of 2 1 1 1; 5 once, and 3 by turning one of the three ones: 4 of 16.
        ([2, -1, 1, 1], 4 / 16),
        # All of +-1 +-1 reach -2.
        ([-1, -1], 1.0),
        # Groups without a lead change nothing.
        ([3, 0, 1, 0, 1], 1 / 8),
        # Nobody leads: every pattern reaches 0.
        ([0, 0], 1.0),
    ],
)
def test_p_value_counted_by_hand(lead: list[int], p_value: float) -> None:
    assert sign_flip_p(np.array(lead), draws=1000, seed=0) == (p_value, True)


def test_p_value_agrees_with_scipy() -> None:
    lead = np.array([2, 1, -1, 3, 1, -2, 1, 1, 4, -1])
    theirs = permutation_test(
        (lead, np.zeros_like(lead)),
        lambda x, y: np.sum(x - y),
        permutation_type="samples",
        alternative="greater",
        n_resamples=np.inf,
    )
    ours, exact = sign_flip_p(lead, draws=1024, seed=0)
    assert exact
    assert ours == pytest.approx(theirs.pvalue)


def test_drawn_p_value_is_near_the_exact_one_and_repeats() -> None:
    lead = np.array([2, 1, -1, 3, 1, -2, 1, 1, 4, -1])
    exact, _ = sign_flip_p(lead, draws=1024, seed=0)
    drawn, is_exact = sign_flip_p(lead, draws=1000, seed=7)
    assert not is_exact
    # Binomial standard error of 1000 draws; 4 of them.
    assert drawn == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 1000))
    assert drawn == sign_flip_p(lead, draws=1000, seed=7)[0]


def test_drawn_p_value_is_never_zero() -> None:
    # Phipson & Smyth 2010: the observed labelling counts as one of the draws.
    assert sign_flip_p(np.ones(60), draws=100, seed=0) == (1 / 101, False)


def test_two_sided_p_counts_both_ends() -> None:
    # All eight seeds better: 2 of 256 patterns are as far from 0, the least that 8 pairs can give.
    assert sign_flip_p(np.ones(8), draws=256, seed=0, two_sided=True) == (2 / 256, True)
    assert sign_flip_p(-np.ones(8), draws=256, seed=0, two_sided=True) == (2 / 256, True)
    lead = np.array([2, 1, -1, 3, 1, -2, 1, 1, 4, -1])
    theirs = permutation_test(
        (lead, np.zeros_like(lead)),
        lambda x, y: np.sum(x - y),
        permutation_type="samples",
        alternative="two-sided",
        n_resamples=np.inf,
    )
    ours, _ = sign_flip_p(lead, draws=1024, seed=0, two_sided=True)
    assert ours == pytest.approx(theirs.pvalue)


def test_holm_agrees_with_r() -> None:
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") in R: 0.03 0.06 0.06 0.02.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
