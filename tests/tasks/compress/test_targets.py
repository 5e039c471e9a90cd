"""Budgets against points that were made up, so that every figure can be checked by hand."""

import pytest

from tasks.compress.targets import Point, Targets, duration, size
from tasks.errors import InputError


def point(name: str, *, megabytes: float, ms: float, loss: float) -> Point:
    return Point(name, name, 1e6 * megabytes, ms, 100e6, loss, "class")


SMALL = point("small", megabytes=8, ms=4, loss=0.05)
LARGE = point("large", megabytes=40, ms=20, loss=0.0)


def limits(
    *, megabytes: float | None = None, ms: float | None = None, loss: float = 1.0
) -> Targets:
    return Targets(None if megabytes is None else 1e6 * megabytes, ms, None, loss)


def test_the_point_that_loses_least_is_taken() -> None:
    assert limits(megabytes=50).best([SMALL, LARGE]) == LARGE
    assert limits(megabytes=10).best([SMALL, LARGE]) == SMALL
    assert limits(megabytes=10, loss=0.01).best([SMALL, LARGE]) is None


def test_a_miss_is_a_share_of_the_limit() -> None:
    assert limits(megabytes=5, ms=5, loss=0.04).misses(SMALL) == pytest.approx(
        {"size": 8 / 5 - 1, "loss": 0.05 / 0.04 - 1}
    )
    assert limits(loss=0.0).misses(SMALL) == {"loss": float("inf")}


def test_the_closest_point_has_the_smallest_worst_miss() -> None:
    # 8 MB miss 5 MB by 60%; 40 MB miss them by 700%.
    assert limits(megabytes=5).closest([SMALL, LARGE]) == SMALL
    text = limits(megabytes=5).refusal([SMALL, LARGE])
    assert "no deployable keeps to 5 MB" in text
    assert "the closest is small (8.00 MB, 4.00 ms on class" in text
    assert "misses size by 60%" in text
    assert limits(megabytes=5).refusal([]).endswith("there is none at all")


@pytest.mark.parametrize(
    ("text", "expected"), [("8MB", 8e6), ("1.5 kb", 1500.0), ("2MiB", 2 * 2**20), ("7B", 7.0)]
)
def test_sizes(text: str, expected: float) -> None:
    assert size(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("5ms", 5.0), ("250us", 0.25), ("0.1s", 100.0)])
def test_durations(text: str, expected: float) -> None:
    assert duration(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["8", "MB", "-3MB", "0MB", "8 parsecs"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="8MB"):
        size(text)
