"""The paired test against values counted by hand."""

import pandas as pd
import pytest

from tasks.release.promote import compare, same_clips


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
