"""Print a table and keep it as JSON under docs/results."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Tables = Mapping[str, Callable[[Mapping[str, Any]], list[list[str]]]]
"""By name: from results to rows, the first of which is the head."""
RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"


def show(title: str, columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print lines of text under column heads."""
    table = Table(title=title, title_justify="left")
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index else "left")
    for line in lines:
        table.add_row(*line)
    Console(width=120).print(table)


def show_all(tables: Tables, results: Mapping[str, Any]) -> None:
    """Print the tables that are made of some results, each under its name."""
    for name, table in tables.items():
        head, *lines = table(results)
        show(name, head, lines)


def keep(name: str, results: Mapping[str, Any]) -> None:
    """Write docs/results/NAME.json, sorted, in place of an earlier one."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(path)


def interval(line: Mapping[str, float], name: str) -> str:
    """`0.901 (0.880 to 0.921)`."""
    return f"{line[name]:.3f} ({line[f'{name}_low']:.3f} to {line[f'{name}_high']:.3f})"
