"""Which of many figures a card has room for, and how figures are written."""

from provenance.entry import Entry
from provenance.graph import Graph
from provenance.page.text import flat, shorten

MOST = 2
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
    chosen = decided or sorted(rows, key=lambda row: (row[0].count("."), row[0]))
    return tuple(f"{shorten(name, 24)}  {number(value)}" for name, value in chosen[:MOST])


def _limits(entry: Entry) -> list[str]:
    found = []
    for part in ("params", "policy"):
        for name, _ in flat(entry.body.get(part, {})):
            found += [name.split(limit, 1)[1] for limit in _LIMITS if limit in name]
    return found


def number(text: str) -> str:
    """A decimal number with four digits that count; anything else as it is, shortened."""
    try:
        value = float(text)
    except ValueError:
        return shorten(text, 12)
    return f"{value:.4g}" if abs(value) < 1e6 else shorten(text, 12)
