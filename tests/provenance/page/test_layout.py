"""Cards do not overlap, arrows run to the right, and simple stories have no crossing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.page.layout import CARD_WIDTH, LANE, column_left, place

HEIGHTS = st.lists(st.integers(40, 160), min_size=1, max_size=25)


@settings(max_examples=150, deadline=None)
@given(st.data(), HEIGHTS)
def test_any_graph(data: st.DataObject, heights: list[int]) -> None:
    number = st.integers(0, len(heights) - 1)
    arrows = data.draw(st.lists(st.tuples(number, number), max_size=50))
    placed = place(heights, arrows)
    boxes = [(*placed.corners[i], height) for i, height in enumerate(heights)]
    for i, (x, y, height) in enumerate(boxes):
        assert 0 <= x <= placed.width - CARD_WIDTH
        assert 0 <= y <= placed.height - height + 0.2, "rounded to a tenth of a pixel"
        for x2, y2, height2 in boxes[:i]:
            assert x != x2 or y >= y2 + height2 - 0.2 or y2 >= y + height - 0.2
    for (start, end), lanes in placed.lanes.items():
        assert placed.columns[start] < placed.columns[end]
        passed = list(range(placed.columns[start] + 1, placed.columns[end]))
        assert [column for column, _ in lanes] == passed
        for column, height in lanes:  # an arrow passes beside the cards, not behind them
            for x, y, tall in boxes:
                if x == column_left(column):
                    assert not y - LANE / 2 + 0.2 < height < y + tall + LANE / 2 - 0.2
    forwards = {(a, b) for a, b in arrows if a < b}
    if forwards == set(arrows):
        assert set(placed.lanes) == forwards, "without a circle no arrow is left out"
    assert place(heights, list(reversed(arrows))) == placed, "the order of arrows is no matter"


def test_a_chain_is_a_straight_line() -> None:
    placed = place([50, 50, 50], [(0, 1), (1, 2)])
    assert [placed.columns[i] for i in range(3)] == [0, 1, 2]
    assert {y for _, y in placed.corners.values()} == {0.0}


def test_two_chains_given_crossed_are_drawn_apart() -> None:
    # 0 -> 3 -> 4 and 1 -> 2 -> 5: in the given order of cards the arrows would cross.
    placed = place([50] * 6, [(0, 3), (3, 4), (1, 2), (2, 5)])
    upper = placed.corners[0][1] < placed.corners[1][1]
    for one, other in ((3, 2), (4, 5)):
        assert (placed.corners[one][1] < placed.corners[other][1]) is upper


def test_a_source_stands_next_to_its_first_user() -> None:
    placed = place([50] * 4, [(0, 1), (1, 2), (3, 2)])
    assert placed.columns[3] == 1


def test_a_circle_is_cut_once() -> None:
    placed = place([50] * 3, [(0, 1), (1, 2), (2, 0), (1, 1)])
    assert set(placed.lanes) == {(0, 1), (1, 2)}


@pytest.mark.parametrize("count", [1, 60])
def test_cards_without_arrows_form_one_column(count: int) -> None:
    placed = place([50] * count, [])
    assert placed.width == CARD_WIDTH
    assert len({y for _, y in placed.corners.values()}) == count
