"""Counts of a finished ingest, for people and for the next reader of a wrong figure."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.ingest.look import Looked
from tasks.ingest.set_aside import by_reason
from tasks.ingest.source import Gathered

Rows = list[dict[str, Any]]


def report(found: Gathered, looked: Looked, rows: Rows) -> dict[str, Any]:
    """Everything countable about the manifest; the same for the same data."""
    return {
        "source": dict(found.facts),
        "warnings": list(found.warnings),
        "left_out": dict(found.left_out),
        "set_aside": dict(by_reason(looked.aside)),
        "rows": len(rows),
        "class_rows": sum(row["is_class"] for row in rows),
        "items": _distinct(rows, "item"),
        "class_items": _distinct([row for row in rows if row["is_class"]], "item"),
        "groups": _distinct(rows, "group"),
        "by_split": _counts(rows, "split"),
        "by_label": _counts(rows, "label"),
        "by_language": _counts(rows, "language"),
        "with": {
            name: sum(row[name] is not None for row in rows) for name in ("image", "audio", "text")
        },
        "files_on_two_sides": files_on_two_sides(rows),
        "quality": _quantiles([row["quality"] for row in rows]),
    }


def files_on_two_sides(rows: Rows) -> int:
    """How many files, by content, are on more than one side of the split: leaks, if not zero."""
    sides: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for name in ("image_blake3", "audio_blake3"):
            if name in row:
                sides[row[name]].add(row["split"])
    return sum(len(found) > 1 for found in sides.values())


def write(content: Mapping[str, Any], path: Path) -> None:
    """Sorted JSON that ends in a newline."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _counts(rows: Rows, column: str) -> dict[str, dict[str, int]]:
    found = Counter(row[column] for row in rows)
    return {
        value: {
            "rows": count,
            "items": _distinct([row for row in rows if row[column] == value], "item"),
            "groups": _distinct([row for row in rows if row[column] == value], "group"),
        }
        for value, count in sorted(found.items())
    }


def _distinct(rows: Rows, column: str) -> int:
    return len({row[column] for row in rows})


def _quantiles(values: list[float]) -> dict[str, float]:
    import numpy as np

    names = {"min": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95, "max": 1.0}
    return {name: round(float(np.quantile(values, at)), 4) for name, at in names.items()}
