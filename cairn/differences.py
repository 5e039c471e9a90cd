"""What differs between two runs of a stage, by their entries in the log."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.errors import InputError
from tasks.flat import leaves

ABSENT = "absent"
SHORTEST = 4
"""Hex digits that a shortened run id needs at least."""

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """One thing that differs.

    Args:
        section: parameter, input, output, code, environment or metric.
        name: which one.
        first: its value in the first run.
        second: its value in the second run.
        delta: second minus first, for metrics that both have; "" otherwise.
    """

    section: str
    name: str
    first: str
    second: str
    delta: str = ""


def choose(runs: Sequence[Body], wanted: str) -> Body:
    """Find a run.

    Args:
        runs: bodies of the log's run entries, oldest first.
        wanted: an id or the beginning of one, `latest:<stage>` or `previous:<stage>`.

    Raises:
        InputError: none or more than one fits; names those that are near.
    """
    which, colon, stage = wanted.partition(":")
    if colon:
        return _by_stage(runs, which, stage, wanted)
    found = [run for run in runs if len(wanted) >= SHORTEST and run["id"].startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{wanted!r} begins {len(found)} runs: {_list(found)}; give more digits")
    near = difflib.get_close_matches(wanted, [run["id"][: len(wanted)] for run in runs], n=3)
    fitting = [run for run in runs if run["id"][: len(wanted)] in near] or runs[-3:]
    raise InputError(
        f"no finished run is called {wanted!r}; near or newest: {_list(fitting) or 'none yet'}; "
        "or say latest:<stage>, previous:<stage>"
    )


def differences(first: Body, second: Body) -> list[Difference]:
    """Everything in which two runs of one stage differ, and nothing else.

    Raises:
        InputError: they are runs of two stages.
    """
    if first["stage"] != second["stage"]:
        raise InputError(
            f"{first['id'][:8]} is a run of {first['stage']}, {second['id'][:8]} one of "
            f"{second['stage']}: compare two runs of one stage"
        )
    one, two = _facts(first), _facts(second)
    return [found for section in one for found in _differ(section, one[section], two[section])]


def _by_stage(runs: Sequence[Body], which: str, stage: str, wanted: str) -> Body:
    back = {"latest": 1, "previous": 2}
    if which not in back:
        raise InputError(f"{wanted!r}: say latest:<stage> or previous:<stage>, or give a run's id")
    of_stage = [run for run in runs if run["stage"] == stage]
    if not of_stage:
        known = ", ".join(sorted({run["stage"] for run in runs})) or "none yet"
        raise InputError(f"{wanted!r}: no finished run of stage {stage!r}; there are: {known}")
    if len(of_stage) < back[which]:
        raise InputError(f"{wanted!r}: stage {stage} has run once so far: {_list(of_stage)}")
    return of_stage[-back[which]]


def _facts(run: Body) -> dict[str, dict[str, Any]]:
    return {
        "parameter": leaves(run["params"]),
        "input": {item["path"]: item["blake3"] for item in run["inputs"]},
        "output": {item["path"]: item["blake3"] for item in run["artifacts"]},
        "code": {name: run["run"][name] for name in ("git", "dirty")},
        "environment": dict(run["env"]),
        "metric": dict(run["metrics"]),
    }


def _differ(section: str, one: Body, two: Body) -> Iterator[Difference]:
    for name in sorted(one.keys() | two.keys()):
        first, second = one.get(name, ABSENT), two.get(name, ABSENT)
        if first == second:
            continue
        both = section == "metric" and ABSENT not in (first, second)
        delta = f"{float(second) - float(first):+.6g}" if both else ""
        yield Difference(section, name, str(first), str(second), delta)


def _list(runs: Sequence[Body]) -> str:
    return ", ".join(f"{run['id'][:12]} ({run['stage']}, {run['ts'][:16]})" for run in runs[-5:])
