import random
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tasks.errors import InputError
from tasks.ingest.groups import join
from tasks.ingest.source import Row
from tasks.ingest.split import check_labels, split
from tasks.params.ingest import SplitParams

SHARES = SplitParams(train=0.7, val=0.1, test=0.2)
MakeRow = Callable[..., Row]


@pytest.fixture(scope="module")
def many(row: MakeRow) -> list[Row]:
    """Three labels of unequal size, groups of one to six rows, some groups with two labels."""
    dice = random.Random(5)  # noqa: S311  # dice, not keys
    rows = []
    for group in range(300):
        label = dice.choices(["a", "b", "c"], [6, 3, 1])[0]
        for number in range(dice.randint(1, 6)):
            other = "b" if group % 50 == 0 and number else label
            rows.append(row(f"{group}/{number}", f"g{group}", other))
    return rows


def test_no_group_is_on_two_sides_and_shares_are_kept(many: list[Row]) -> None:
    sides = split(many, SHARES, seed=7)
    assert set(sides) == {row.group for row in many}, "each group has one side, by type"
    for label in "abc":
        mine = [row for row in many if row.label == label]
        found = Counter(sides[row.group] for row in mine)
        for side in ("train", "val", "test"):
            # A group has six rows at most, so no side needs to be further off than two of them.
            assert abs(found[side] - getattr(SHARES, side) * len(mine)) <= 12, (label, side, found)


def test_the_order_of_rows_has_no_influence(many: list[Row]) -> None:
    shuffled = list(many)
    random.Random(1).shuffle(shuffled)  # noqa: S311  # dice, not keys
    assert split(shuffled, SHARES, seed=7) == split(many, SHARES, seed=7)


def test_the_seed_has(many: list[Row]) -> None:
    assert split(many, SHARES, seed=8) != split(many, SHARES, seed=7)


@pytest.mark.parametrize("seed", range(20))
def test_three_groups_are_enough_for_all_sides(row: MakeRow, seed: int) -> None:
    rows = [row(f"{label}{n}", f"{label}{n}", label) for label in "abcd" for n in range(3)]
    sides = split(rows, SHARES, seed)
    found = defaultdict(set)
    for one in rows:
        found[one.label].add(sides[one.group])
    assert dict(found) == {label: {"train", "val", "test"} for label in "abcd"}


def test_a_giant_group_goes_to_train(row: MakeRow) -> None:
    rows = [row(f"big{n}", "big", "a") for n in range(60)]
    rows += [row(f"s{n}", f"s{n}", "a") for n in range(40)]
    for seed in range(10):
        assert split(rows, SHARES, seed)["big"] == "train", (
            "it would fill val and test many times over"
        )


def test_a_split_that_the_source_gives_is_kept(row: MakeRow) -> None:
    rows = [row("1", "x", "a", "test"), row("2", "y", "a", "train"), row("3", "x", "a", "test")]
    assert split(rows, SHARES, seed=7) == {"x": "test", "y": "train"}


def test_a_class_with_too_few_groups_is_refused(row: MakeRow) -> None:
    rows = [row("1", "x", "a"), row("2", "x", "a"), *(row(f"b{n}", f"b{n}", "b") for n in range(5))]
    check_labels(rows, ["b"], 5)
    with pytest.raises(
        InputError, match=r"label 'a' has 1 group \(2 rows\), `ingest\.min_groups_per_label` is 5"
    ):
        check_labels(rows, ["a", "b"], 5)
    with pytest.raises(InputError, match=r"label 'c' has 0 groups \(0 rows\)"):
        check_labels(rows, ["b", "c"], 5)


@given(
    st.dictionaries(
        st.text("abcd", min_size=1, max_size=2), st.lists(st.integers(0, 12), max_size=3)
    )
)
@budget(deadline=None)
def test_groups_are_the_connected_components(keys: dict[str, list[int]]) -> None:
    # Reference: repeated merging of sets that overlap.
    parts: list[tuple[set[str], set[int]]] = []
    for item, mine in keys.items():
        merged = ({item}, set(mine))
        apart = []
        for names, found in parts:
            if found & merged[1]:
                merged = (merged[0] | names, merged[1] | found)
            else:
                apart.append((names, found))
        parts = [*apart, merged]
    expected = {item: min(names) for names, _ in parts for item in names}
    assert join(keys) == expected
    backwards = dict(reversed(keys.items()))
    assert join(backwards) == expected, "the order has no influence"
