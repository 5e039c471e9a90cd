"""The last word of a release: everything is read again, and the outcome is printed."""

from rich.console import Console
from rich.table import Table

from provenance import Log, Reason
from provenance.checks import LOADABLE, Category, ModelReport, Outcome, verify_model
from provenance.releases import WEIGHTS, Release, champion
from provenance.report import Finding
from tasks.errors import CheckFailed
from tasks.verification import Asked, verify_target
from tasks.workspace import Workspace

STOPPING = (*LOADABLE, Category.LINEAGE)
"""What must not fail. A policy may ask for what comes later, an approval say, so compliance is
shown and does not stop a release that the gate let through."""


def verify_and_print(
    workspace: Workspace, log: Log, made: Release, reason: str, console: Console
) -> None:
    """Re-verify the log and every artifact in it; print six answers and who is champion.

    Args:
        made: the release that the model of this run has.
        reason: why it is champion, or why not.
        console: where to print.

    Raises:
        CheckFailed: something is not as logged; names the first thing.
    """
    report = verify_target(workspace, Asked(model=made.model), keys=log.keys)
    console.print(_table(report))
    stopping = [found for category in STOPPING for found in _stops(report, category)]
    present = champion(log, made.model)
    if present != made:  # the champion's statements were checked above
        stopping += verify_model(log, workspace.root, made).findings
    if stopping:
        raise CheckFailed(
            f"verification failed ({stopping[0].reason}): {stopping[0].message}; "
            "`cairn verify` lists everything that is wrong"
        )
    for verdict in report.failed:
        console.print(f"{verdict.category}: {verdict.message}", highlight=False, soft_wrap=True)
    title = "champion" if present == made else "candidate"
    console.print(f"{made.model} version {made.version} is {title}: {reason}", highlight=False)
    console.print(f"model blake3 {made.digest(WEIGHTS)}", highlight=False, soft_wrap=True)


def _stops(report: ModelReport, category: Category) -> tuple[Finding, ...]:
    """What may not be; who develops has changed files, which `cairn verify` will not let pass."""
    found = report.verdict(category).findings
    return tuple(finding for finding in found if finding.reason is not Reason.TREE_DIRTY)


def _table(report: ModelReport) -> Table:
    table = Table(title=f"verification: {report.target}", title_justify="left")
    table.add_column("question")
    table.add_column("answer")
    table.add_column("what was looked at", overflow="fold")
    for verdict in report.verdicts:
        unasked = verdict.outcome is Outcome.NOT_CHECKED and verdict.reason is Reason.NOT_ASKED
        told = verdict.message if verdict.reason is None else f"{verdict.reason}: {verdict.message}"
        table.add_row(
            verdict.category, verdict.outcome, "`cairn verify --six`" if unasked else told
        )
    return table
