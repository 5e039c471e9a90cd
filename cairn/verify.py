"""`cairn verify`: is everything still what the log says?"""

from typing import Annotated

import typer


def verify(
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check the log and hash every artifact again; name the first thing that is wrong."""
    from cairn.console import print_json, print_table
    from provenance import verify as verify_log
    from tasks.workspace import Workspace

    workspace = Workspace.here()
    report = verify_log(workspace.provenance, workspace.root)
    if json:
        print_json(report.to_dict())
    else:
        rows = [{"check": check, "outcome": outcome} for check, outcome in report.checks.items()]
        print_table(rows, f"log {report.head.origin}" if report.head else "log")
        print("\n".join(report.lines()))
    raise typer.Exit(report.exit_code)
