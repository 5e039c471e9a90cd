"""Two runs at the same time: the second one says who holds the lock."""

import os
import subprocess
import sys
import textwrap

import pytest

from tasks.errors import BusyError
from tasks.lock import HOLDER, workspace_lock
from tasks.workspace import Workspace

HOLD = """
    import sys
    from pathlib import Path
    from tasks.lock import workspace_lock
    from tasks.workspace import Workspace
    with workspace_lock(Workspace(Path(sys.argv[1])), "cairn run"):
        print("held", flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def holder(bare_workspace: Workspace):
    """Another process that holds the lock until its standard input closes."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(bare_workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_second_run_is_told_who_is_at_work(bare_workspace, holder):
    expected = rf"`cairn run` \(process {holder.pid}\) is at work here since \d{{4}}-"
    with pytest.raises(BusyError, match=expected), workspace_lock(bare_workspace, "second"):
        pass


def test_killed_holder_leaves_no_lock(bare_workspace, holder, monkeypatch):
    monkeypatch.delenv(HOLDER, raising=False)
    holder.kill()
    holder.wait()
    with workspace_lock(bare_workspace, "next"):
        assert os.environ[HOLDER] == str(os.getpid())
    assert HOLDER not in os.environ


def test_stage_started_by_the_holder_may_enter(bare_workspace, holder, monkeypatch):
    monkeypatch.setenv(HOLDER, str(holder.pid))
    with workspace_lock(bare_workspace, "python -m flows.train"):
        pass


def test_stage_of_another_run_may_not(bare_workspace, holder, monkeypatch):
    monkeypatch.setenv(HOLDER, str(holder.pid + 1))
    with pytest.raises(BusyError), workspace_lock(bare_workspace, "python -m flows.train"):
        pass


def test_lock_taken_a_moment_ago_has_no_note_yet(bare_workspace, holder):
    (bare_workspace.mlruns / "lock").write_text("")
    with (
        pytest.raises(BusyError, match="another run has just taken"),
        workspace_lock(bare_workspace, "second"),
    ):
        pass
