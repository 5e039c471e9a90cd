"""Clean up after a run that was killed: finish what had happened, undo what had not."""

import os
from types import ModuleType

import psutil

from provenance import Log
from tasks.entry import failure_body
from tasks.journal import Journal, journals, leftovers, remove
from tasks.progress import say
from tasks.tracked import finish
from tasks.tracking import EXPERIMENT, connect
from tasks.workspace import Workspace


def recover(workspace: Workspace) -> list[str]:
    """Bring files, log and MLflow back to one story. Call it while holding the workspace lock.

    Returns:
        one line for each run that was found interrupted; empty is the normal case.
    """
    lines = [
        _settle(workspace, journal) for journal in journals(workspace) if not _at_work(journal)
    ]
    for path in leftovers(workspace):
        remove(path)
    for line in lines:
        say(line)
    return lines


def _at_work(journal: Journal) -> bool:
    """A stage that runs inside another one's process, such as in a test, is not a leftover."""
    return journal.pid == os.getpid() or (
        psutil.pid_exists(journal.pid)
        and journal.pid in {p.pid for p in psutil.Process().parents()}
    )


def _settle(workspace: Workspace, journal: Journal) -> str:
    log = Log.open(workspace.provenance)
    mlflow = connect(workspace)
    entry = log.find(journal.run) if journal.run else None
    if entry is not None:
        finish(mlflow, journal, entry)
        return (
            f"stage {journal.stage}: run {journal.run[:8]} was cut off in its commit; finished it"
        )
    run = journal.run or _run_of(mlflow, journal)
    if run:
        mlflow.MlflowClient().set_terminated(run, "KILLED")
    name = run or journal.path.stem
    log.append(failure_body(journal.stage, name, f"killed (process {journal.pid} is gone)"))
    journal.discard()
    return f"stage {journal.stage}: run {name[:8]} was killed; nothing of it was published"


def _run_of(mlflow: ModuleType, journal: Journal) -> str:
    """The MLflow run of a journal that was cut off before it learned the run's id."""
    experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    found = mlflow.MlflowClient().search_runs(
        [experiment.experiment_id], f"tags.`cairn.key` = '{journal.path.stem}'"
    )
    return found[0].info.run_id if found else ""
