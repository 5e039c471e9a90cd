"""`cairn compare`: what differs between two runs of a stage."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cairn.differences import Difference
    from tasks.workspace import Workspace

RUN_HELP = "Run id or its first digits, latest:<stage> or previous:<stage>."


def compare(
    first: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    second: Annotated[str, typer.Argument(metavar="RUN", help="The same, for the second run.")],
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show only what differs: parameters, digests, code, environment; metrics with their change."""
    from cairn.console import print_json, print_table
    from cairn.differences import choose, differences
    from provenance import Log
    from tasks.workspace import Workspace

    workspace = Workspace.here()
    log = Log.open(workspace.provenance, create=False)
    runs = [entry.body for entry in log.entries() if entry.body["kind"] == "run"]
    one, two = choose(runs, first), choose(runs, second)
    found = differences(one, two)
    if json:
        rows = [asdict(difference) for difference in found]
        print_json({"first": one["id"], "second": two["id"], "differences": rows})
    elif not found:
        print(f"runs {one['id'][:12]} and {two['id'][:12]} of {one['stage']} do not differ")
    else:
        print_table(_rows(found), f"{one['stage']}: {one['id'][:12]} and {two['id'][:12]}")
    _log(workspace, one, two, found)


def _rows(found: Sequence["Difference"]) -> list[dict[str, str]]:
    return [
        {
            "": difference.section,
            "name": difference.name,
            "first": _short(difference.first),
            "second": _short(difference.second),
            "change": difference.delta,
        }
        for difference in found
    ]


def _short(value: str) -> str:
    """Digests and commits by their first digits."""
    hexadecimal = len(value) in (40, 64) and set(value) <= set("0123456789abcdef")
    return f"{value[:12]}..." if hexadecimal else value


def _log(workspace: "Workspace", one: Any, two: Any, found: Sequence["Difference"]) -> None:
    """Keep the comparison with the second run, where MLflow's page shows it."""
    from cairn.page import page
    from tasks.progress import say
    from tasks.tracking import connect

    mlflow = connect(workspace)
    name = f"compare/with-{one['id'][:12]}.html"
    try:
        mlflow.MlflowClient().log_text(two["id"], page(one, two, found), name)
    except mlflow.exceptions.MlflowException as error:
        say(f"cairn: the page was not kept in MLflow: {error.message}")
        return
    say(f"kept as {name} of run {two['id'][:12]} in MLflow")
