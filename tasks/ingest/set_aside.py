"""Rows that cannot be used: listed with a reason, counted, and too many of them stop the stage."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tasks.errors import CheckFailed
from tasks.ingest.look import SetAside
from tasks.progress import say

EXAMPLES = 3


def write(aside: Sequence[SetAside], path: Path) -> None:
    """One JSON object a line, by id."""
    lines = (json.dumps(asdict(bad), ensure_ascii=False, sort_keys=True) for bad in aside)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def by_reason(aside: Sequence[SetAside]) -> Mapping[str, int]:
    """How many rows each reason has cost, most first."""
    return dict(Counter(bad.reason for bad in aside).most_common())


def check_limit(aside: Sequence[SetAside], rows: int, limit: float, report: Path) -> None:
    """Say aloud what was set aside; stop where it is too much.

    Args:
        aside: the bad rows.
        rows: how many rows there were, good and bad.
        limit: share of them that may be bad.
        report: where the list is written when the stage stops.

    Raises:
        CheckFailed: more than `limit` of the rows are bad.
    """
    report.unlink(missing_ok=True)  # the list of an earlier run that stopped
    if not aside:
        return
    counts = ", ".join(f"{count} {reason}" for reason, count in by_reason(aside).items())
    first = "; ".join(f"{bad.id}: {bad.file}: {bad.detail}" for bad in aside[:EXAMPLES])
    summary = f"{len(aside)} of {rows} rows are set aside ({counts}), the first: {first}"
    if len(aside) <= limit * rows:
        say(summary)
        return
    report.parent.mkdir(parents=True, exist_ok=True)
    partial = report.with_suffix(".partial")
    write(aside, partial)
    partial.replace(report)
    raise CheckFailed(
        f"{summary}; `ingest.max_set_aside` allows {limit:.1%}, this is {len(aside) / rows:.1%}: "
        f"mend the files listed in {report}, or raise the limit"
    )
