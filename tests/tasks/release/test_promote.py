"""The paired test against values counted by hand, and against SciPy."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import permutation_test

from tasks.release.promote import compare, same_clips, sign_flip_p


def predictions(right: str, groups: str, *, prefix: str = "clip") -> pd.DataFrame:
    """One clip a character: `+` answered right, `-` wrong; its group is named by a letter."""
    return pd.DataFrame(
        {
            "id": [f"{prefix}{i}" for i in range(len(right))],
            "group": list(groups),
            "label": "plants",
            "predicted": ["plants" if sign == "+" else "animals" for sign in right],
        }
    )


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


def test_clips_of_a_group_count_as_one_unit() -> None:
    # Group a: 3 clips won, b: 1, c: 1. As groups p = 1/8; as clips it would be 1/32.
    found = compare(
        predictions("+++++-", "aaabcd"), predictions("------", "aaabcd"), draws=1000, seed=0
    )
    assert (found.p_value, found.exact, found.clips, found.groups) == (1 / 8, True, 6, 4)
    assert (found.candidate, found.champion) == (5 / 6, 0.0)


def test_order_of_rows_does_not_matter() -> None:
    new, old = predictions("++-+", "aabb"), predictions("+--+", "aabb")
    assert compare(new, old.iloc[::-1], draws=100, seed=0) == compare(new, old, draws=100, seed=0)


def test_better_needs_both_a_lead_and_a_small_p() -> None:
    lead = compare(
        predictions("+" * 6, "abcdef"), predictions("-" * 6, "abcdef"), draws=100, seed=0
    )
    assert lead.p_value == 1 / 64
    assert lead.better(0.05)
    assert not lead.better(0.01)
    assert "is better than the champion: accuracy 1.0000 against 0.0000" in lead.sentence(0.05)
    tie = compare(predictions("+", "a"), predictions("+", "a"), draws=100, seed=0)
    assert not tie.better(0.999)
    assert "not shown to be better" in tie.sentence(0.05)


@pytest.mark.parametrize(
    "other",
    [
        predictions("++", "ab", prefix="other"),
        predictions("++", "aa"),
        predictions("++", "ab").assign(label="animals"),
        predictions("+++", "abc"),
    ],
    ids=["ids", "groups", "labels", "more clips"],
)
def test_different_clips_cannot_be_paired(other: pd.DataFrame) -> None:
    mine = predictions("++", "ab")
    assert not same_clips(mine, other)
    with pytest.raises(ValueError, match="answered different clips"):
        compare(mine, other, draws=100, seed=0)
