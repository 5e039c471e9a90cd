"""Where results go: tables for people, JSON for scripts, both on standard output."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

PLAIN_WIDTH = 160
"""Columns where standard output is no terminal and nobody says how wide it is."""


def print_table(rows: Sequence[Mapping[str, str]], title: str) -> None:
    """Print rows with the same keys as a table; the keys are the headings."""
    # Imported here: `cairn --help` needs no tables.
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    wide = sys.stdout.isatty() or "COLUMNS" in os.environ
    # Markup off: a path or a message may hold brackets.
    Console(width=None if wide else PLAIN_WIDTH, markup=False, highlight=False).print(table)


def print_json(values: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(values, indent=1, ensure_ascii=False))
