"""`cairn verify`: six questions about a model, a run or everything in the log."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from provenance.checks import ModelReport, Verdict
    from tasks.verification.ask import Reproduce


def verify(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL|RUN]",
            help="A model, MODEL/VERSION, a run's id or a stage. Default: champion and whole log.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every release that stands, and the whole log.")
    ] = False,
    performance: Annotated[
        bool, typer.Option("--performance", help="Run the evaluation again and compare (minutes).")
    ] = False,
    reproduce: Annotated[
        bool, typer.Option("--reproduce", help="Run the stage again and compare (minutes).")
    ] = False,
    stage: Annotated[
        str | None,
        typer.Option(help="Which stage to reproduce: ingest, validate, train (if absent), or all."),
    ] = None,
    six: Annotated[
        bool, typer.Option("--six", help="All six: --performance and --reproduce too.")
    ] = False,
    git_note: Annotated[
        bool, typer.Option("--git-note", help="Have a git note remember the head as well.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check a model, a run or the whole log: integrity, authenticity, lineage, compliance.

    Exit codes: 0 all that was asked is right, 1 something is wrong, 2 something cannot be checked.
    """
    from cairn.console import print_json
    from provenance import LogError
    from tasks.environment import prepare
    from tasks.errors import InputError
    from tasks.params import load_params
    from tasks.verification import Asked, verify_target
    from tasks.workspace import Workspace

    if target is not None and everything:
        raise InputError(f"give {target!r} or --all, not both")
    if stage is not None and not (reproduce or six):
        raise InputError(f"--stage {stage}: add --reproduce, which runs that stage again")
    prepare()
    workspace = Workspace.here()
    asked = Asked(
        model=load_params(workspace.params_file).release.name,
        wanted=target,
        everything=everything,
        performance=performance or six,
        reproduce=_reproduce(stage or "train") if reproduce or six else None,
        git_note=git_note,
    )
    try:
        report = verify_target(workspace, asked)
    except LogError as error:
        if error.exit_code != 1:
            raise
        raise InputError(str(error)) from error  # 1 would say that something is wrong
    if json:
        print_json(report.to_dict())
    else:
        _tell(report)
    raise typer.Exit(report.exit_code)


def _reproduce(stage: str) -> "Reproduce":
    from flows.reproduce import reproducer

    return reproducer(stage)


def _short(verdict: "Verdict", report: "ModelReport") -> str:
    """What fails stands once in the table, not again wherever it is the reason."""
    for other in report.failed:
        end = f": {other.message}"
        if other is not verdict and verdict.message.endswith(end):
            return f"{verdict.message.removesuffix(end)}, see {other.category.value}"
    return verdict.message


def _tell(report: "ModelReport") -> None:
    from cairn.console import print_table

    rows = [
        {
            "question": verdict.category.value,
            "answer": verdict.outcome.value,
            "reason": verdict.reason.value if verdict.reason else "",
            "what was looked at": _short(verdict, report),
        }
        for verdict in report.verdicts
    ]
    print_table(rows, report.target)
    for verdict in report.failed:
        for finding in verdict.findings:
            print(f"FAILED  {finding.reason.value}: {finding.message}")
        for line in verdict.evidence:
            print(f"        {line}")
    for note in report.notes:
        print(f"note  {note}")
    if report.head is not None:
        print(f"head  {report.head.size} entries, root {report.head.root.hex()}")
