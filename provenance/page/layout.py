"""Place cards in columns from left to right so that arrows cross little and none runs backwards.

Layered drawing after Sugiyama, Tagawa, Toda: "Methods for visual understanding of hierarchical
system structures", 1981: columns by longest path, stand-ins where an arrow passes a column, order
by the mean place of neighbours, then heights pulled towards neighbours. Every tie is broken by the
order in which cards are given: the same input always gives the same picture.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

CARD_WIDTH = 254
COLUMN_GAP = 58
ROW_GAP = 26
LANE = 12
"""Height kept free for an arrow that passes a column."""
SWEEPS = 12


@dataclass
class _Item:
    """A card, or the stand-in of an arrow in a column that it passes."""

    number: int
    column: int
    height: float
    card: bool
    left: list["_Item"] = field(default_factory=list)
    right: list["_Item"] = field(default_factory=list)
    y: float = 0.0

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True)
class Placed:
    """Where things are, in pixels.

    Args:
        corners: by card, its left upper corner.
        lanes: by arrow, the heights at which it passes the columns between its ends.
        columns: by card, the number of its column.
        width: of the whole.
        height: of the whole.
    """

    corners: dict[int, tuple[float, float]]
    lanes: dict[tuple[int, int], list[tuple[int, float]]]
    columns: dict[int, int]
    width: float
    height: float


def column_left(column: int) -> float:
    """Left edge of a column, in pixels."""
    return column * (CARD_WIDTH + COLUMN_GAP)


def place(heights: Sequence[float], arrows: Iterable[tuple[int, int]]) -> Placed:
    """Find a place for each card.

    Args:
        heights: of the cards, in pixels.
        arrows: pairs of card numbers, from and to; those that would close a circle are left out.
    """
    links = _without_circles(len(heights), sorted(set(arrows)))
    columns = _columns(len(heights), links)
    items = [_Item(i, columns[i], height, True) for i, height in enumerate(heights)]
    chains = {link: _chain(items, link) for link in links}
    grid: list[list[_Item]] = [[] for _ in range(max(columns, default=0) + 1)]
    for item in items + [lane for chain in chains.values() for lane in chain]:
        grid[item.column].append(item)
    _order(grid)
    _settle(grid)
    top = min((item.y for column in grid for item in column), default=0.0)
    bottom = max((item.y + item.height for column in grid for item in column), default=0.0)
    return Placed(
        corners={i.number: (column_left(i.column), round(i.y - top, 1)) for i in items},
        lanes={
            link: [(lane.column, round(lane.middle - top, 1)) for lane in chain]
            for link, chain in chains.items()
        },
        columns=dict(enumerate(columns)),
        width=column_left(len(grid)) - COLUMN_GAP,
        height=round(bottom - top, 1),
    )


def _without_circles(count: int, arrows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    ahead: dict[int, set[int]] = {number: set() for number in range(count)}
    kept = []
    for start, end in arrows:
        if start != end and not _leads(ahead, end, start):
            ahead[start].add(end)
            kept.append((start, end))
    return kept


def _leads(ahead: Mapping[int, set[int]], start: int, end: int) -> bool:
    seen, unvisited = {start}, [start]
    while unvisited:
        here = unvisited.pop()
        if here == end:
            return True
        unvisited.extend(ahead[here] - seen)
        seen |= ahead[here]
    return False


def _columns(count: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """Longest path from a card without arrows in; such cards then move next to their first user."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for start, end in links:
        before[end].append(start)
        after[start].append(end)
    column = [0] * count
    waiting = [len(found) for found in before]
    ready = [number for number in range(count) if not waiting[number]]
    while ready:
        here = ready.pop(0)
        for end in after[here]:
            column[end] = max(column[end], column[here] + 1)
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    for number in range(count):
        if not before[number] and after[number]:
            column[number] = min(column[end] for end in after[number]) - 1
    return column


def _chain(items: list[_Item], link: tuple[int, int]) -> list[_Item]:
    start, end = items[link[0]], items[link[1]]
    lanes = [_Item(-1, column, LANE, False) for column in range(start.column + 1, end.column)]
    whole = [start, *lanes, end]
    for one, other in itertools.pairwise(whole):
        one.right.append(other)
        other.left.append(one)
    return lanes


def _order(grid: list[list[_Item]]) -> None:
    """Sort each column by the mean place of its neighbours, to and fro; keep the best order."""
    best, crossings = [list(column) for column in grid], _crossings(grid)
    for sweep in range(SWEEPS):
        rightwards = sweep % 2 == 0
        for column in grid if rightwards else reversed(grid):
            place_of = {id(item): float(i) for other in grid for i, item in enumerate(other)}
            wanted = {}
            for item in column:
                near = item.left if rightwards else item.right
                wanted[id(item)] = (
                    sum(place_of[id(n)] for n in near) / len(near) if near else place_of[id(item)]
                )
            column.sort(key=lambda item: wanted[id(item)])
        if (now := _crossings(grid)) < crossings:
            best, crossings = [list(column) for column in grid], now
    for column, order in zip(grid, best, strict=True):
        column[:] = order


def _crossings(grid: Sequence[Sequence[_Item]]) -> int:
    count = 0
    for column, following in itertools.pairwise(grid):
        place_of = {id(item): i for i, item in enumerate(following)}
        ends = [sorted(place_of[id(n)] for n in item.right) for item in column]
        seen: list[int] = []
        for found in ends:
            count += sum(1 for end in found for other in seen if other > end)
            seen += found
    return count


def _settle(grid: Sequence[list[_Item]]) -> None:
    for column in grid:
        y = 0.0
        for item in column:
            item.y = y
            y += item.height + ROW_GAP
    for sweep in range(SWEEPS):
        for column in grid if sweep % 2 == 0 else reversed(grid):
            wanted = []
            for item in column:
                near = item.left + item.right
                middle = sum(n.middle for n in near) / len(near) if near else item.middle
                wanted.append(middle - item.height / 2)
            for item, y in zip(column, _apart(column, wanted), strict=True):
                item.y = y


def _apart(column: Sequence[_Item], wanted: Sequence[float]) -> list[float]:
    """The nearest heights to those wanted that keep order and gaps (least squares, by pooling)."""
    offsets, total = [], 0.0
    for item in column:
        offsets.append(total)
        total += item.height + (ROW_GAP if item.card else LANE)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        pools.append((want - offset, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m), (b, n) = pools[-2:]
            pools[-2:] = [((a * m + b * n) / (m + n), m + n)]
    flat = [mean for mean, count in pools for _ in range(count)]
    return [base + offset for base, offset in zip(flat, offsets, strict=True)]
