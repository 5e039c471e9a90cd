"""What the drawing shows: one card an entry with rows for what it made, arrows to who used it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from provenance.entry import Entry
from provenance.graph import ARTIFACT, MISSING, SOURCE, Entity, Graph
from provenance.page.figures import headline, limits
from provenance.page.text import shorten
from provenance.subject import is_weights, release_name

MOST_CARDS = 60
"""Beyond it a drawing is no longer read; the tables hold everything."""
MOST_ROWS = 5
"""Rows of a card of outside sources."""
NAME_COLUMNS, TITLE_COLUMNS = 21, 22
"""What fits into a card in the widest of the usual fonts."""

TITLE_HEIGHT, LINE_HEIGHT, ROW_HEIGHT, PAD = 44, 16, 22, 10


@dataclass(frozen=True)
class Row:
    """Something that an entry made, or that came from outside; arrows may leave from it."""

    text: str
    note: str
    tip: str
    model: bool = False
    revoked: bool = False


@dataclass(frozen=True)
class Card:
    """One box of the drawing.

    Args:
        key: what arrows call it.
        tone: `stage`, `release`, `source`, `missing`, `word`, `revoked` or `more`.
        title: first line.
        sub: second line.
        lines: figures.
        rows: see `Row`.
        href: where a click leads.
        tip: the whole name, for who points at it.
        subject: whether the page is about it.
    """

    key: str
    tone: str
    title: str
    sub: str
    href: str
    tip: str
    lines: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    subject: bool = False

    @property
    def height(self) -> int:
        """In pixels."""
        body = len(self.lines) * LINE_HEIGHT + len(self.rows) * ROW_HEIGHT
        return TITLE_HEIGHT + (body + PAD if body else 0)

    def turned(self, order: Sequence[int]) -> "Card":
        """The same with its rows in another order."""
        return replace(self, rows=tuple(self.rows[i] for i in order))

    def port(self, row: int | None) -> float:
        """Height at which arrows of a row leave, from the card's top."""
        if row is None:
            return TITLE_HEIGHT / 2
        return TITLE_HEIGHT + len(self.lines) * LINE_HEIGHT + (row + 0.5) * ROW_HEIGHT + 2


@dataclass(frozen=True)
class Arrow:
    """From a row of a card (or its head) to a card; tone `made`, `says`, `withdraws` or `gap`."""

    start: str
    row: int | None
    end: str
    tone: str


@dataclass(frozen=True)
class Deck:
    """Cards and arrows; `left_out` says how many cards the drawing has no room for."""

    cards: tuple[Card, ...]
    arrows: tuple[Arrow, ...]
    left_out: int = 0


def deal(graph: Graph) -> Deck:
    """The cards and arrows of a graph."""
    users: dict[str, list[int]] = {}
    for seq, name in graph.used:
        users.setdefault(name, []).append(seq)
    cards: dict[str, Card] = {}
    arrows: list[Arrow] = []
    for kind, make in ((SOURCE, _source_card), (MISSING, _missing_card)):
        for readers, group in _groups([e for e in graph.entities if e.type == kind], users):
            card = make(group)
            cards[card.key] = card
            tone = "gap" if kind == MISSING else "made"
            arrows += [Arrow(card.key, None, f"entry-{seq}", tone) for seq in readers]
    made: dict[int | None, list[Entity]] = {}
    for entity in graph.entities:
        if entity.type == ARTIFACT:
            made.setdefault(entity.entry, []).append(entity)
    limited = limits(graph)
    for entry in graph.entries:
        card, leaving = _entry_card(graph, entry, made.get(entry.seq, []), users)
        card = replace(card, lines=headline(entry, limited))
        cards[card.key] = card
        arrows += leaving
    arrows += _words(graph, arrows)
    linked = {name for arrow in arrows for name in (arrow.start, arrow.end)}
    kept = [card for card in cards.values() if card.key in linked or card.subject]
    return _fit(kept, arrows)


def _groups(
    entities: Iterable[Entity], users: dict[str, list[int]]
) -> list[tuple[tuple[int, ...], list[Entity]]]:
    """Entities that the same entries used go together, or the drawing would be all arrows."""
    groups: dict[tuple[int, ...], list[Entity]] = {}
    for entity in entities:
        groups.setdefault(tuple(users.get(entity.id, ())), []).append(entity)
    return list(groups.items())


def _source_card(group: Sequence[Entity]) -> Card:
    rows = [_row([entity]) for entity in group]
    if len(rows) > MOST_ROWS:
        more = group[MOST_ROWS - 1 :]
        tip = "\n".join(entity.path for entity in more)
        rows = [*rows[: MOST_ROWS - 1], Row(f"and {len(more)} more", "", tip)]
    many = "outside sources" if len(group) > 1 else "outside source"
    return Card(
        key=group[0].id,
        tone="source",
        title=f"{len(group)} {many}",
        sub="not made here; known by digest",
        href=f"#{group[0].id}",
        tip="\n".join(f"{entity.path} {entity.blake3}" for entity in group),
        rows=tuple(rows),
    )


def _missing_card(group: Sequence[Entity]) -> Card:
    return Card(
        key=group[0].id,
        tone="missing",
        title="Gap in the chain" if len(group) == 1 else f"{len(group)} gaps in the chain",
        sub="no earlier entry vouches for it",
        href=f"#{group[0].id}",
        tip="\n".join(f"{entity.path}: {entity.why}" for entity in group),
        rows=tuple(_row([entity]) for entity in group[:MOST_ROWS]),
    )


def _entry_card(
    graph: Graph, entry: Entry, made: Sequence[Entity], users: dict[str, list[int]]
) -> tuple[Card, list[Arrow]]:
    name = release_name(entry.body)
    key = f"entry-{entry.seq}"
    rows: list[Row] = []
    arrows: list[Arrow] = []
    idle: list[Entity] = []
    for readers, group in _groups(made, users):
        if readers:
            arrows += [Arrow(key, len(rows), f"entry-{seq}", "made") for seq in readers]
            rows.append(_row(group))
        else:
            idle = list(group)
    shown = [e for e in idle if (name and is_weights(e.path)) or e.blake3 == graph.subject.digest]
    rows += [_row([entity]) for entity in shown[:1]]
    if rest := [entity for entity in idle if entity not in shown[:1]]:
        files = "file" if len(rest) == 1 else "files"
        more = f"{len(rest)} more {files}" if rows else f"{len(rest)} {files}"
        rows.append(Row(more, "", "\n".join(entity.path for entity in rest[:40])))
    kind = str(entry.body["kind"])
    stage = entry.body.get("stage")
    title = " ".join(name) if name else stage if isinstance(stage, str) and stage else kind
    tone = {"release": "release", "run": "stage", "revoked": "revoked"}.get(kind, "word")
    when = entry.body.get("ts")
    said = [kind if title != kind else "", f"entry {entry.seq}"]
    said.append(when[:10] if isinstance(when, str) else "")
    card = Card(
        key=key,
        tone=tone,
        title=shorten(title, TITLE_COLUMNS),
        sub=shorten(" · ".join(part for part in said if part), 32),
        href=f"#{key}",
        tip=f"{title}\nentry {entry.seq}, {entry.body['id']}",
        rows=tuple(rows),
        subject=entry.seq == graph.subject.entry,
    )
    return card, arrows


def _row(group: Sequence[Entity]) -> Row:
    first = next((entity for entity in group if is_weights(entity.path)), group[0])
    name = first.path.rsplit("/", 1)[-1]
    more = f" + {len(group) - 1}" if len(group) > 1 else ""
    return Row(
        text=shorten(name, NAME_COLUMNS - len(more)) + more,
        note=first.blake3[:8],
        tip="\n".join(f"{entity.path}\nblake3 {entity.blake3}" for entity in group[:20]),
        model=is_weights(first.path) and first.type == ARTIFACT,
        revoked=any(entity.revoked is not None for entity in group),
    )


def _words(graph: Graph, drawn: Sequence[Arrow]) -> list[Arrow]:
    """Arrows to entries that speak of others: approvals, policies, revocations."""
    linked = {(arrow.start, arrow.end) for arrow in drawn}
    found = []
    for later, earlier in graph.informed:
        pair = f"entry-{earlier}", f"entry-{later}"
        if pair not in linked:
            found.append(Arrow(pair[0], None, pair[1], "says"))
    newest: dict[tuple[int, str], Entity] = {}
    for entity in graph.withdrawn:
        if entity.revoked is not None and entity.entry is not None:
            newest[entity.revoked, entity.blake3] = entity  # the last in the log's order stays
    ends = {(f"entry-{entity.entry}", f"entry-{seq}") for (seq, _), entity in newest.items()}
    present = {f"entry-{entry.seq}" for entry in graph.entries}
    found += [Arrow(s, None, e, "withdraws") for s, e in sorted(ends) if {s, e} <= present]
    return found


def _fit(cards: Sequence[Card], arrows: Sequence[Arrow]) -> Deck:
    """Keep the cards nearest to the subject; one card stands for the others."""
    if len(cards) <= MOST_CARDS:
        return Deck(tuple(cards), tuple(arrows))
    beside: dict[str, list[str]] = {}
    for arrow in arrows:
        beside.setdefault(arrow.start, []).append(arrow.end)
        beside.setdefault(arrow.end, []).append(arrow.start)
    near = [card.key for card in cards if card.subject]
    seen = set(near)
    for key in near:  # grows while it is read: breadth first
        for other in beside.get(key, ()):
            if other not in seen and len(near) < MOST_CARDS - 1:
                seen.add(other)
                near.append(other)
    count = len(cards) - len(near)
    more = Card(
        "more", "more", f"{count} more", "not drawn; in the tables below", "#entries",
        "The drawing shows what is nearest; the tables below hold every entry.",
    )  # fmt: skip
    kept = [arrow for arrow in arrows if arrow.start in seen and arrow.end in seen]
    into = dict.fromkeys(a.end for a in arrows if a.end in seen and a.start not in seen)
    out_of = dict.fromkeys(a.start for a in arrows if a.start in seen and a.end not in seen)
    # An arrow both into and out of the one card would make a circle: what came before wins.
    extra = [Arrow("more", None, end, "says") for end in into]
    extra += [] if into else [Arrow(start, None, "more", "says") for start in out_of]
    return Deck((more, *(card for card in cards if card.key in seen)), (*kept, *extra), count)
