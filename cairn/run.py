"""`cairn run`: data to verified model; only stale stages run."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flows.summary import Summary


def run(
    force: Annotated[
        str | None, typer.Option(metavar="STAGE", help="Run this stage though nothing changed.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Run the pipeline: only stages whose data, parameters or code changed."""
    # Imported here, as in all commands: `cairn --help` shall not wait for it.
    from flows.repro import StageFailed
    from flows.run import run_pipeline
    from flows.summary import last_summary
    from tasks.workspace import Workspace

    workspace = Workspace.here()
    try:
        show(run_pipeline(workspace, "cairn run", force), json)
    except StageFailed:
        summary = last_summary(workspace)
        if summary is not None:
            show(summary, json)
        raise


def show(summary: "Summary", json: bool) -> None:
    """The table of a run, and the digest that everything led to."""
    from cairn.console import print_json, print_table

    if json:
        print_json(summary.values())
        return
    print_table(summary.table(), f"run {summary.id}")
    if summary.idle:
        print("everything is up to date")
    elif not summary.failed:
        print(f"done: {summary.seconds:.1f} s in the stages that ran")
    if summary.model and not summary.failed:
        print(f"model blake3 {summary.model}")
