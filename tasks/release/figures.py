"""Nested metrics as Markdown tables, whatever their names: the card shows all that was measured."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )


def tables(metrics: Figures, title: str = "") -> Iterator[str]:
    """Headings and tables, sorted by name.

    Figures side by side become one table. Groups that hold figures alone (one a language, say)
    become one table with a row each; groups of groups get a heading of their own.

    Args:
        metrics: figures by name, nested as deep as their stage likes. An interval is either
            {"value", "low", "high"} or the names `x`, `x_low`, `x_high`.
        title: heading of the outermost figures.
    """
    groups = {name: value for name, value in sorted(metrics.items()) if _is_group(value)}
    rows = {name: value for name, value in groups.items() if not _holds_groups(value)}
    cells = _cells(metrics)
    if title and (cells or rows):
        yield f"### {title[0].upper()}{title[1:]}"
    if cells:
        yield table(["figure", "value"], [[name, text] for name, text in cells.items()])
    if rows:
        yield _rows(rows)
    for name in sorted(groups.keys() - rows.keys()):
        yield from tables(groups[name], f"{title}, {name}" if title else name)


def _rows(groups: Mapping[str, Figures]) -> str:
    cells = {name: _cells(value) for name, value in groups.items()}
    columns = sorted({column for row in cells.values() for column in row})
    empty = dict.fromkeys(columns, "")
    return table(["", *columns], [[name, *(empty | row).values()] for name, row in cells.items()])


def _cells(figures: Figures) -> dict[str, str]:
    """One text a figure, its interval with it; texts and lists are left out."""
    cells = {}
    for name, value in sorted(figures.items()):
        if _is_interval(value):
            cells[name] = _text(value["value"], value["low"], value["high"])
        elif _is_number(value) and not name.endswith(("_low", "_high")):
            low, high = f"{name}_low", f"{name}_high"
            both = low in figures and high in figures
            cells[name] = _text(value, figures[low], figures[high]) if both else _text(value)
    return cells


def _text(value: float | None, low: float | None = None, high: float | None = None) -> str:
    if low is None or high is None:
        return _number(value)
    return f"{_number(value)} ({_number(low)} to {_number(high)})"


def _number(value: float | None) -> str:
    if value is None:
        return "not computed"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_interval(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {"value", "low", "high"}


def _is_group(value: object) -> bool:
    return isinstance(value, Mapping) and not _is_interval(value)


def _holds_groups(figures: Figures) -> bool:
    return any(_is_group(value) for value in figures.values())
