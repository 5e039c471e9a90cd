"""A crash anywhere in a run leaves nothing half-true once the next run has looked."""

import os
import signal
import subprocess
import sys
import textwrap

import mlflow
import pytest

from provenance import Log
from tasks.journal import journals, leftovers
from tasks.recovery import recover

RUN = """
    import os, signal, sys
    from pathlib import Path
    from tasks.params.base import Section
    from tasks.workspace import Workspace
    import provenance.log, tasks.journal, tasks.tracked

    class Settings(Section):
        seed: int

    here, moment = Workspace(Path(sys.argv[1])), sys.argv[2]

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def die_after(function):
        def wrapped(*arguments, **named):
            function(*arguments, **named)
            die()
        return wrapped

    if moment == "before the entry":
        provenance.log.Log.append = die
    if moment == "after the entry":
        provenance.log.Log.append = die_after(provenance.log.Log.append)
    if moment == "between two files":
        tasks.journal._move = die_after(tasks.journal._move)
    if moment == "before MLflow closes":
        tasks.tracked.finish = lambda mlflow, journal, entry: (journal.carry_out(), die())
    with tasks.tracked.tracked_run("first", Settings(seed=1), workspace=here) as run:
        for name in ("a.txt", "b.txt"):
            run.publish(here.stage("first") / name, lambda path: path.write_text("new"))
            if moment == "while it works":
                die()
"""


def run_and_die(workspace, moment):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(RUN), str(workspace.root), moment],
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def statuses():
    experiment = mlflow.get_experiment_by_name("cairn")
    runs = mlflow.MlflowClient().search_runs([experiment.experiment_id])
    return [run.info.status for run in runs]


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["while it works", "before the entry"])
def test_run_killed_before_its_entry_never_happened(workspace, moment):
    run_and_die(workspace, moment)
    assert journals(workspace)
    (line,) = recover(workspace)
    assert "was killed; nothing of it was published" in line
    assert statuses() == ["KILLED"]
    assert list(workspace.stage("first").iterdir()) == []
    (entry,) = Log.open(workspace.provenance).entries()
    assert entry.body["kind"] == "failure"
    assert "is gone" in entry.body["error"]
    assert recover(workspace) == []


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["after the entry", "between two files", "before MLflow closes"])
def test_run_killed_after_its_entry_is_finished(workspace, moment):
    run_and_die(workspace, moment)
    (line,) = recover(workspace)
    assert "was cut off in its commit; finished" in line
    assert statuses() == ["FINISHED"]
    assert [path.read_text() for path in workspace.stage("first").iterdir()] == ["new", "new"]
    (entry,) = Log.open(workspace.provenance).entries()
    assert entry.body["kind"] == "run"
    assert recover(workspace) == []


def test_nothing_to_recover_is_silent(bare_workspace, capsys):
    assert recover(bare_workspace) == []
    assert capsys.readouterr().err == ""


def test_stray_partial_files_are_removed(bare_workspace):
    stray = bare_workspace.stage("first") / ".partial-0-a.txt"
    stray.parent.mkdir(parents=True)
    stray.write_text("half")
    folder = bare_workspace.data / ".replaced-media"
    folder.mkdir(parents=True)
    assert len(leftovers(bare_workspace)) == 2
    recover(bare_workspace)
    assert leftovers(bare_workspace) == []


def test_journal_of_a_living_run_is_left_alone(bare_workspace):
    from tasks.journal import Journal

    Journal(bare_workspace.mlruns / "journal" / "k.json", "", "first", os.getpid()).write()
    assert recover(bare_workspace) == []
    assert len(journals(bare_workspace)) == 1
