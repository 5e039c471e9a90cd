import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from models.metrics import (
    accuracy,
    compare,
    confusion,
    macro_f1,
    mean_over_groups,
    ranks,
    reliability,
    score,
)

RNG = np.random.default_rng(0)
LABEL = RNG.integers(0, 4, 200)
GUESS = np.where(RNG.random(200) < 0.7, LABEL, RNG.integers(0, 4, 200))
GROUP = np.array([f"g{i // 5}" for i in range(200)])


def test_tables_agree_with_scikit_learn():
    table = confusion(GUESS, LABEL, 4)
    np.testing.assert_array_equal(table, confusion_matrix(LABEL, GUESS))
    assert accuracy(table) == pytest.approx(accuracy_score(LABEL, GUESS))
    assert macro_f1(table) == pytest.approx(f1_score(LABEL, GUESS, average="macro"))


def test_macro_f1_ignores_classes_that_never_occur():
    # scikit-learn averages over the union of labels in truth and prediction.
    label, guess = np.array([0, 0, 2]), np.array([0, 1, 2])
    expected = f1_score(label, guess, average="macro", zero_division=0)
    assert macro_f1(confusion(guess, label, 10)) == pytest.approx(expected)


def test_score_gives_the_plain_figures_and_an_interval_around_them():
    found = score(GUESS, LABEL, GROUP, classes=4, resamples=500, seed=1)
    assert found["accuracy"].value == pytest.approx(accuracy_score(LABEL, GUESS))
    assert found["macro_f1"].value == pytest.approx(f1_score(LABEL, GUESS, average="macro"))
    for interval in found.values():
        assert interval.low < interval.value < interval.high
    assert found["accuracy"].flat("accuracy").keys() == {
        "accuracy",
        "accuracy_low",
        "accuracy_high",
    }


def test_interval_of_a_mean_is_that_of_the_normal_law():
    # 400 groups of one row: the bootstrap must come near mean +- 1.96 s / sqrt(n).
    value = RNG.random(400)
    group = np.array([f"g{i}" for i in range(400)])
    found = mean_over_groups(value, group, resamples=4000, seed=2)
    half = 1.96 * value.std() / 20
    assert found.low == pytest.approx(value.mean() - half, abs=half / 10)
    assert found.high == pytest.approx(value.mean() + half, abs=half / 10)


def test_copies_of_a_row_do_not_narrow_the_interval():
    value = RNG.integers(0, 2, 50).astype(float)
    single = mean_over_groups(value, np.arange(50).astype(str), resamples=2000, seed=3)
    copied = mean_over_groups(
        np.repeat(value, 9), np.repeat(np.arange(50), 9).astype(str), resamples=2000, seed=3
    )
    assert (copied.low, copied.high) == pytest.approx((single.low, single.high))


def test_paired_comparison_knows_better_worse_and_equal():
    right, wrong = LABEL, (LABEL + 1) % 4
    better = compare(right, wrong, LABEL, GROUP, resamples=200, seed=4)
    assert (better.difference, better.low, better.high, better.better) == (1, 1, 1, 1)
    same = compare(GUESS, GUESS, LABEL, GROUP, resamples=200, seed=4)
    assert (same.difference, same.low, same.high, same.better) == (0, 0, 0, 0)


def test_reliability_by_hand():
    # Four rows, two bins: 0.9 right, 0.8 wrong, 0.6 right in (0.5, 1]; 0.5 right in (0, 0.5].
    probability = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.5, 0.5]])
    found = reliability(probability, np.array([0, 1, 1, 0]), bins=2)
    assert found.count.tolist() == [1, 3]
    assert found.accuracy == pytest.approx([1.0, 2 / 3])
    assert found.confidence == pytest.approx([0.5, 2.3 / 3])
    assert found.ece == pytest.approx(0.25 * 0.5 + 0.75 * abs(2 / 3 - 2.3 / 3))


def test_ranks_count_ties_against_us():
    similarity = np.array([[0.9, 0.1, 0.5], [0.3, 0.3, 0.3], [0.2, 0.7, 0.4]])
    assert ranks(similarity, np.array([0, 1, 2])).tolist() == [1, 3, 2]


def test_columns_of_unequal_length_are_named():
    with pytest.raises(ValueError, match=r"one common length above 0.*'predicted': 2, 'label': 3"):
        confusion(np.array([0, 1]), np.array([0, 1, 2]), 3)
    with pytest.raises(ValueError, match="above 0"):
        mean_over_groups(np.array([]), np.array([], dtype=str), resamples=10, seed=0)
