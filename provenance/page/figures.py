"""Which of many figures a card has room for, and how figures are written."""

from provenance.entry import Entry
from provenance.graph import Graph
from provenance.page.text import flat, shorten

MOST = 2
_TELLING = ("accuracy", "auc", "f1", "macro_f1", "loss", "rows", "items")
_BOUNDS = ("_low", "_high")
_LIMITS = ("at_least.", "at_most.", "min_metrics.", "minimum.")


def metrics_of(entry: Entry) -> list[tuple[str, str]]:
    """Name and value of each figure of an entry, in the order of names."""
    values = entry.body.get("metrics")
    return flat(values) if isinstance(values, dict) and values else []


def headline(graph: Graph, entry: Entry) -> tuple[str, ...]:
    """The figures that decided: those that a gate or policy of the graph limits, else the first."""
    rows = [row for row in metrics_of(entry) if not row[0].endswith(_BOUNDS)]
    limited = {name for other in graph.entries for name in _limits(other)}
    decided = [row for row in rows if any(row[0] == n or row[0].endswith(f".{n}") for n in limited)]
    chosen = decided or sorted(rows, key=_rank)
    return tuple(f"{shorten(name, 24)}  {number(value)}" for name, value in chosen[:MOST])


def _rank(row: tuple[str, str]) -> tuple[int, int, str]:
    name = row[0]
    last = name.rsplit(".", 1)[-1]
    telling = _TELLING.index(last) if last in _TELLING else len(_TELLING)
    return telling, name.count("."), name


def _limits(entry: Entry) -> list[str]:
    found = []
    for part in ("params", "policy"):
        for name, _ in flat(entry.body.get(part, {})):
            found += [name.split(limit, 1)[1] for limit in _LIMITS if limit in name]
    return found


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
