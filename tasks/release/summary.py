"""The last word of a release: everything is read again, and the outcome is printed."""

from rich.console import Console
from rich.table import Table

from provenance import Log, Report, verify
from provenance.releases import WEIGHTS, Release, champion
from tasks.errors import CheckFailed
from tasks.workspace import Workspace


def verify_and_print(
    workspace: Workspace, log: Log, made: Release, reason: str, console: Console
) -> None:
    """Re-verify the log and every artifact in it; print what was checked and who is champion.

    Args:
        made: the release that the model of this run has.
        reason: why it is champion, or why not.
        console: where to print.

    Raises:
        CheckFailed: something is not as logged; names the first thing.
    """
    report = verify(log.folder, workspace.root)
    console.print(_table(report))
    if report.first is not None:
        raise CheckFailed(
            f"verification failed ({report.first.reason}): {report.first.message}; "
            "`cairn verify` lists everything that is wrong"
        )
    present = champion(log, made.model)
    title = "champion" if present == made else "candidate"
    console.print(f"{made.model} version {made.version} is {title}: {reason}", highlight=False)
    console.print(f"model blake3 {made.digest(WEIGHTS)}", highlight=False, soft_wrap=True)


def _table(report: Report) -> Table:
    table = Table(title="verification")
    table.add_column("check")
    table.add_column("outcome")
    table.add_column("what was read", justify="right")
    read = dict.fromkeys(report.checks, "")
    read["chain"] = f"{report.head.size} entries" if report.head else ""
    read["artifacts"] = f"{report.artifacts} files, {report.size / 1e6:.1f} MB"
    for check, outcome in report.checks.items():
        table.add_row(check, outcome, read[check])
    return table
