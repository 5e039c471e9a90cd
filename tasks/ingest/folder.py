"""Source `folder`: your own data, described by a manifest in .jsonl, .csv or .parquet.

Columns: id, label, group; any of text, image, audio; and if you like split, language, caption,
item.
"""

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from models.quality.text import UNDETERMINED
from tasks.errors import InputError
from tasks.ingest.read_table import Line, read_lines
from tasks.ingest.source import Gathered, Row
from tasks.params.ingest import IngestParams

REQUIRED = ("id", "label", "group")
MODALITIES = ("text", "image", "audio")
OPTIONAL = ("split", "language", "caption", "item")
SPLITS = ("train", "val", "test")


class Folder:
    """A manifest and the media beside it.

    Args:
        params: section `ingest`.
        manifest: the file; media paths in it are relative to its folder.
    """

    def __init__(self, params: IngestParams, *, manifest: Path) -> None:
        self._params = params
        self._manifest = manifest

    def fetch(self) -> Path | None:
        """The manifest; nothing is downloaded."""
        if not self._manifest.is_file():
            raise InputError(
                f"{self._manifest} does not exist: write your manifest there or change "
                "`ingest.folder.manifest` (columns: docs/data.md)"
            )
        return self._manifest

    def read(self, raw: Path | None, scratch: Path) -> Gathered:  # noqa: ARG002  # as Source
        """Check each line; the media are looked into later, as for any source."""
        manifest = raw or self._manifest
        lines = read_lines(manifest)
        _check_columns(lines, manifest)
        root = manifest.parent.resolve()
        rows = [self._row(line, root) for line in lines]
        _check_ids(rows, lines)
        _check_splits(rows, lines)
        return Gathered(root, rows, {"manifest_rows": len(rows)})

    def _row(self, line: Line, root: Path) -> Row:
        values = {name: _text(line, name) for name in (*REQUIRED, *MODALITIES, *OPTIONAL)}
        for name in REQUIRED:
            if values[name] is None:
                raise InputError(f"{line.where}: {name} is empty; every row needs one")
        labels = [*self._params.labels, *self._params.extra_labels]
        _check_choice(
            line, "label", values["label"], labels, "`ingest.labels` or `ingest.extra_labels`"
        )
        if values["split"] is not None:
            _check_choice(line, "split", values["split"], SPLITS, "these")
        language = values["language"] or UNDETERMINED
        if language != UNDETERMINED:
            _check_choice(line, "language", language, self._params.languages, "`ingest.languages`")
        for name in ("image", "audio"):
            _check_path(line, name, values[name], root)
        return Row(
            id=str(values["id"]),
            item=values["item"] or str(values["id"]),
            group=str(values["group"]),
            language=language,
            label=str(values["label"]),
            split=values["split"],
            caption=values["caption"],
            text=values["text"],
            image=values["image"],
            audio=values["audio"],
        )


def _check_columns(lines: list[Line], manifest: Path) -> None:
    found = {name for line in lines for name in line.values}
    allowed = (*REQUIRED, *MODALITIES, *OPTIONAL)
    for name in REQUIRED:
        if name not in found:
            raise InputError(
                f"{manifest}: column {name!r} is missing; "
                f"found {', '.join(sorted(found)) or 'none'}; "
                f"needed are {', '.join(REQUIRED)} and any of {', '.join(MODALITIES)}"
            )
    if not found.intersection(MODALITIES):
        raise InputError(f"{manifest}: none of the columns {', '.join(MODALITIES)} is there")
    if unknown := sorted(found.difference(allowed)):
        raise InputError(
            f"{manifest}: unknown column {unknown[0]!r}; allowed are {', '.join(allowed)}: "
            "rename it or take it out"
        )


def _text(line: Line, name: str) -> str | None:
    """A cell as stripped text in NFC; None where it is empty or absent."""
    value: Any = line.values.get(name)
    if value is None or (isinstance(value, float) and value != value):  # NaN, pandas' null
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise InputError(f"{line.where}: {name} is {value!r}; text is wanted")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in value.replace("\n", " ")):
        raise InputError(f"{line.where}: {name} is {value!r}; control characters are not allowed")
    # Paths are names of files: their bytes stay as they are.
    return (
        value if name in ("image", "audio") else unicodedata.normalize("NFC", value).strip()
    ) or None


def _check_choice(
    line: Line, name: str, value: str | None, allowed: Sequence[str], where: str
) -> None:
    if value not in allowed:
        raise InputError(
            f"{line.where}: unknown {name} {value!r}; allowed is one of {where} "
            f"({', '.join(allowed)})"
        )


def _check_path(line: Line, name: str, value: str | None, root: Path) -> None:
    """Refuse all ways out of the data folder; whether the file is there is looked at later."""
    if value is None:
        return
    path = PurePosixPath(value)
    inside = not path.is_absolute() and ".." not in path.parts
    if not inside or not Path(os.path.realpath(root / path)).is_relative_to(root):
        raise InputError(
            f"{line.where}: {name} {value!r} leads out of the data folder {root}; give a path "
            "below it, without '..' and without links to elsewhere"
        )


def _check_ids(rows: list[Row], lines: list[Line]) -> None:
    seen: dict[str, Line] = {}
    for row, line in zip(rows, lines, strict=True):
        if row.id in seen:
            raise InputError(f"{line.where}: id {row.id!r} is also that of {seen[row.id].where}")
        seen[row.id] = line


def _check_splits(rows: list[Row], lines: list[Line]) -> None:
    """Either all rows say their split or none does, and a group is on one side."""
    if all(row.split is None for row in rows):
        return
    sides: dict[str, tuple[str, Line]] = {}
    for row, line in zip(rows, lines, strict=True):
        if row.split is None:
            raise InputError(f"{line.where}: split is empty, other rows have one: give all or none")
        side, before = sides.setdefault(row.group, (row.split, line))
        if side != row.split:
            raise InputError(
                f"{line.where}: group {row.group!r} is in {row.split!r} here and in {side!r} in "
                f"{before.where}; a group must stay on one side"
            )
