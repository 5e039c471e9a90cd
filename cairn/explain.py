"""`cairn explain`: why each stage ran or was skipped, and what would run now."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flows.explanation import Explanation


def explain(
    stage: Annotated[str | None, typer.Argument(help="One stage; all of them if absent.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say why each stage ran or was skipped: which data, parameter, code or environment changed."""
    from cairn.console import print_json
    from flows.explanation import explanations
    from tasks.workspace import Workspace

    found = explanations(Workspace.here(), stage)
    if json:
        print_json([one.values() for one in found])
        return
    for one in found:
        print("\n".join(_lines(one)))


def _lines(one: "Explanation") -> Iterator[str]:
    yield one.stage
    if one.last is None:
        yield "  last run: none by `cairn run`"
    else:
        yield f"  last run: {one.last.outcome}: {one.last.why}"
    if one.alone:
        yield f"  since then: ran by itself, started {one.alone}"
    yield f"  now: {'would run' if one.runs_now else 'up to date'}"
    for reason in one.reasons:
        yield f"    {reason}"
    if one.follows:
        yield f"    reads what {' and '.join(one.follows)} makes"
    for drift in one.drift:
        yield f"    ({drift}; not a reason to run)"
