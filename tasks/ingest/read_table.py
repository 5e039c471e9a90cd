"""Lines of a .jsonl, .csv or .parquet, each with words for where it stands."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import InputError


@dataclass(frozen=True)
class Line:
    """Values by column, and where they stand, for messages: "my.csv, line 3 (id 'x')"."""

    where: str
    values: Mapping[str, Any]


def read_lines(path: Path) -> list[Line]:
    """Read a table by its suffix.

    Raises:
        InputError: an unknown suffix, an unreadable file, a broken line, or no line at all.
    """
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix not in readers:
        raise InputError(f"{path}: manifests end in {', '.join(readers)}, not in {path.suffix!r}")
    try:
        lines = [
            Line(f"{path.name}, {place}{_named(values)}", values)
            for place, values in readers[path.suffix](path)
        ]
    except UnicodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error}): save it as UTF-8") from None
    if not lines:
        raise InputError(f"{path} has no rows")
    return lines


def _named(values: Mapping[str, Any]) -> str:
    return f" (id {values['id']!r})" if "id" in values else ""


def _read_jsonl(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                values = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{path.name}, line {number}: not JSON ({error})") from None
            if not isinstance(values, dict):
                raise InputError(
                    f"{path.name}, line {number}: {line.strip()[:60]!r} is not an object like "
                    '{"id": ..., "label": ..., "group": ...}'
                )
            yield f"line {number}", values


def _read_csv(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for values in reader:
                place = f"line {reader.line_num}"
                if None in values or None in values.values():
                    raise InputError(
                        f"{path.name}, {place}: not as many cells as the "
                        f"{len(reader.fieldnames or ())} columns in the first line; "
                        "put cells with commas in double quotes"
                    )
                yield place, values
        except csv.Error as error:
            raise InputError(
                f"{path.name}, after line {reader.line_num}: not CSV ({error})"
            ) from None


def _read_parquet(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # Imported here: heavy, and the other two kinds do without.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
    except pa.ArrowException as error:
        raise InputError(f"{path} is not a Parquet file ({error})") from None
    for number, values in enumerate(rows, 1):
        yield f"row {number}", values
