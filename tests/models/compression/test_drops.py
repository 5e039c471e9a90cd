"""Agreement and worst drops against counts made by hand."""

import numpy as np
import pytest

from models.compression.drops import agreement, group_drops, worst_drop

# Rows:        0  1  2  3  4  5  6  7
TRUTH = [0, 0, 0, 0, 1, 1, 2, 2]
TEACHER = [0, 0, 0, 1, 1, 1, 0, 2]  # right: 3 of 4, 2 of 2, 1 of 2
STUDENT = [0, 0, 1, 1, 1, 0, 2, 2]  # right: 2 of 4, 1 of 2, 2 of 2


def test_agreement_is_the_share_of_equal_answers() -> None:
    assert agreement(STUDENT, TEACHER) == 5 / 8  # rows 2, 5 and 6 differ
    assert agreement(TEACHER, TEACHER) == 1.0


def test_every_group_lost_what_was_counted() -> None:
    drops = group_drops(STUDENT, TEACHER, TRUTH, TRUTH, ["a", "b", "c"])
    assert drops == {"a": 1 / 4, "b": 1 / 2, "c": -1 / 2}
    assert worst_drop(STUDENT, TEACHER, TRUTH, TRUTH, ["a", "b", "c"]) == ("b", 0.5)


def test_a_mean_that_stays_hides_a_loss() -> None:
    # Language x gained what language y lost: 6 of 8 right before and after.
    languages = [0, 1, 0, 1, 0, 1, 0, 1]
    teacher, student = [1, 1, 1, 1, 0, 1, 0, 1], [1, 1, 1, 1, 1, 0, 1, 0]
    truth = [1] * 8
    assert np.mean(np.equal(teacher, truth)) == np.mean(np.equal(student, truth)) == 6 / 8
    assert worst_drop(student, teacher, truth, languages, ["x", "y"]) == ("y", 0.5)


def test_gains_everywhere_are_a_drop_below_zero() -> None:
    assert worst_drop([1, 1], [0, 0], [1, 1], [0, 1], ["x", "y"]) == ("x", -1.0)


def test_rows_and_groups_that_are_not_there_do_not_count() -> None:
    drops = group_drops([1, 0, 1], [1, 1, 1], [1, 1, 1], [2, -1, 2], ["x", "y", "z"])
    assert drops == {"z": 0.0}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([], [], [], []), "N at least 1"),
        (([1], [1, 1], [1], [0]), r"'by_teacher': \(2,\).*all must be"),
        (([1], [1], [1], [-1]), "no row belongs to a group"),
        (([1], [1], [1], [1]), "group 1: there are 1 names"),
    ],
)
def test_nonsense_is_refused(arrays: tuple[list[int], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        worst_drop(*arrays, ["x"])
