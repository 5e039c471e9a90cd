"""Receipts of anchors, as rows of a table: which head was published where."""

import json
from dataclasses import dataclass
from pathlib import Path

from provenance.page.text import flat

LARGEST = 1 << 16
"""Bytes: a receipt is small; what is larger is none."""


@dataclass(frozen=True)
class AnchorRow:
    """One receipt file.

    Args:
        file: its name.
        size: number of entries of the anchored head, if the receipt says so.
        rows: everything that it says, name and value.
    """

    file: str
    size: int | None
    rows: tuple[tuple[str, str], ...]


def anchor_rows(folder: Path) -> tuple[AnchorRow, ...]:
    """The receipts in `anchors/` below a log's folder, by name; none if there is no such folder.

    Nothing is checked against a chain here: the page says so.

    Args:
        folder: of the log.
    """
    found = []
    for path in sorted((folder / "anchors").glob("*.json")):
        try:
            data = path.read_bytes()[:LARGEST]
            value = json.loads(data)
        except (OSError, ValueError, RecursionError):
            found.append(AnchorRow(path.name, None, (("unreadable", "not JSON"),)))
            continue
        rows = tuple(flat(value))
        sizes = [text for name, text in rows if name.split(".")[-1] == "size" and text.isdecimal()]
        found.append(AnchorRow(path.name, int(sizes[0][:16]) if sizes else None, rows))
    return tuple(found)
