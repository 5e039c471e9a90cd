"""Where the pen goes: cards with their corners, arrows as paths."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from provenance.page.cards import Arrow, Card, Deck
from provenance.page.layout import CARD_WIDTH, COLUMN_GAP, Placed, column_left, place

MARGIN = 14
ENTRANCE = 13
"""Pixels between the points at which arrows enter a card."""


@dataclass(frozen=True)
class Box:
    """A card and its left upper corner in pixels."""

    card: Card
    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """The path of an arrow, as SVG writes it."""

    path: str
    tone: str
    start: str
    end: str


@dataclass(frozen=True)
class Picture:
    """Everything to draw, in pixels."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: int
    height: int
    card_width: int = CARD_WIDTH


def draw(deck: Deck) -> Picture:
    """Place the cards of a deck and draw the arrows between them."""
    number = {card.key: i for i, card in enumerate(deck.cards)}
    placed = place(
        [card.height for card in deck.cards],
        [(number[arrow.start], number[arrow.end]) for arrow in deck.arrows],
    )
    deck = _turn_rows(deck, number, placed)
    arrows = deck.arrows
    drawable = [a for a in arrows if (number[a.start], number[a.end]) in placed.lanes]
    # In the order of columns, so that a reader who steps through with the keyboard goes with time.
    order = sorted(range(len(deck.cards)), key=lambda i: placed.corners[i])
    return Picture(
        boxes=tuple(
            Box(deck.cards[i], placed.corners[i][0] + MARGIN, placed.corners[i][1] + MARGIN)
            for i in order
        ),
        lines=tuple(_lines(deck.cards, drawable, number, placed)),
        width=round(placed.width + 2 * MARGIN),
        height=round(placed.height + 2 * MARGIN),
    )


def _turn_rows(deck: Deck, number: dict[str, int], placed: Placed) -> Deck:
    """Put the rows of each card in the order of where their arrows go: fewer of them cross."""
    heads: dict[tuple[str, int], list[float]] = {}
    for arrow in deck.arrows:
        pair = number[arrow.start], number[arrow.end]
        if arrow.row is not None and pair in placed.lanes:
            lanes = placed.lanes[pair]
            height = lanes[0][1] if lanes else placed.corners[pair[1]][1]
            heads.setdefault((arrow.start, arrow.row), []).append(height)
    cards: list[Card] = []
    moved: dict[tuple[str, int], int] = {}
    for card in deck.cards:
        rows = range(len(card.rows))
        goal = {i: heads.get((card.key, i), [float("inf")]) for i in rows}
        order = sorted(rows, key=lambda i: (sum(goal[i]) / len(goal[i]), i))
        moved |= {(card.key, old): new for new, old in enumerate(order)}
        cards.append(card.turned(order))
    arrows = [a if a.row is None else replace(a, row=moved[a.start, a.row]) for a in deck.arrows]
    return replace(deck, cards=tuple(cards), arrows=tuple(arrows))


def _lines(
    cards: Sequence[Card], arrows: Sequence[Arrow], number: dict[str, int], placed: Placed
) -> list[Line]:
    starts = [_start(cards[number[a.start]], a, placed, number) for a in arrows]
    came_from = [
        lanes[-1][1] if (lanes := placed.lanes[number[a.start], number[a.end]]) else start[1]
        for a, start in zip(arrows, starts, strict=True)
    ]
    lines = []
    for i, arrow in enumerate(arrows):
        end = number[arrow.end]
        rivals = sorted(
            (came_from[j], j) for j, other in enumerate(arrows) if other.end == arrow.end
        )
        rank = rivals.index((came_from[i], i))
        height = cards[end].height
        step = min(ENTRANCE, (height - 24) / max(len(rivals) - 1, 1))
        into = height / 2 + (rank - (len(rivals) - 1) / 2) * step
        x, y = placed.corners[end]
        points = [starts[i]]
        for column, lane in placed.lanes[number[arrow.start], end]:
            left = column_left(column)
            points += [(left, lane), (left + CARD_WIDTH, lane)]
        points.append((x - 5, y + into))
        lines.append(Line(_path(points), arrow.tone, arrow.start, arrow.end))
    return lines


def _start(card: Card, arrow: Arrow, placed: Placed, number: dict[str, int]) -> tuple[float, float]:
    x, y = placed.corners[number[arrow.start]]
    return x + CARD_WIDTH, y + card.port(arrow.row)


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Curves between columns, straight lines through them."""
    moved = [(x + MARGIN, y + MARGIN) for x, y in points]
    parts = [f"M{moved[0][0]:.1f} {moved[0][1]:.1f}"]
    for i in range(1, len(moved)):
        (x0, y0), (x1, y1) = moved[i - 1], moved[i]
        if i % 2 == 1:
            bend = max((x1 - x0) / 2, COLUMN_GAP / 3)
            parts.append(f"C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}")
        else:
            parts.append(f"H{x1:.1f}")
    return "".join(parts)
