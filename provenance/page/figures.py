"""Which of many figures a card has room for, and how figures are written."""

from provenance.entry import Entry
from provenance.graph import Graph
from provenance.page.text import flat, shorten, width

MOST = 2
COLUMNS = 29
"""What fits into a card in the widest of the usual fonts."""
_TELLING = ("accuracy", "auc", "f1", "macro_f1", "loss", "rows", "items")
_BOUNDS = ("_low", "_high")
_LIMITS = ("at_least.", "at_most.", "min_metrics.", "minimum.")


def metrics_of(entry: Entry) -> list[tuple[str, str]]:
    """Name and value of each figure of an entry, in the order of names."""
    values = entry.body.get("metrics")
    return flat(values) if isinstance(values, dict) and values else []


def limits(graph: Graph) -> frozenset[str]:
    """Names of the figures that a gate or policy of the graph limits: those that decided."""
    found = []
    for entry in graph.entries:
        for part in ("params", "policy"):
            for name, _ in flat(entry.body.get(part, {})):
                found += [name.split(limit, 1)[1] for limit in _LIMITS if limit in name]
    return frozenset(found)


def headline(entry: Entry, limited: frozenset[str]) -> tuple[str, ...]:
    """Up to two figures of an entry: those that decided, else the most telling ones."""
    rows = [row for row in metrics_of(entry) if not row[0].endswith(_BOUNDS)]
    decided = [row for row in rows if any(row[0] == n or row[0].endswith(f".{n}") for n in limited)]
    chosen = decided or sorted(rows, key=_rank)
    return tuple(_written(name, number(value)) for name, value in chosen[:MOST])


def _written(name: str, value: str) -> str:
    return f"{shorten(name, COLUMNS - 2 - width(value))}  {value}"


def _rank(row: tuple[str, str]) -> tuple[int, int, str]:
    name = row[0]
    last = name.rsplit(".", 1)[-1]
    telling = _TELLING.index(last) if last in _TELLING else len(_TELLING)
    return telling, name.count("."), name


def number(text: str, digits: int = 4) -> str:
    """A decimal number with so many digits that count; anything else as it is, shortened.

    >>> number("0.6666666666666666"), number("260.0"), number("nan"), number("yes")
    ('0.6667', '260', 'nan', 'yes')
    """
    try:
        value = float(text)
    except ValueError:
        return shorten(text, 3 * digits)
    return f"{value:.{digits}g}" if abs(value) < 10**digits else shorten(text, 3 * digits)
