"""`cairn run` as a process, with a Prefect API of its own: interrupted, killed, told no."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.processes import alive
from flows.record import last_record
from tasks.workspace import Workspace
from tests.flows.conftest import Hook, change, hook, tries

__all__ = ["hook"]

pytestmark = pytest.mark.slow
LONGEST_SECONDS = 180


def start(workspace: Workspace, *arguments: str) -> "subprocess.Popen[str]":
    """`cairn ...` in a session of its own, as from a terminal that can be closed."""
    return subprocess.Popen(
        [sys.executable, "-c", "from cairn.cli import main; main()", *arguments],
        cwd=workspace.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(true: Callable[[], object], child: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + LONGEST_SECONDS
    while not true():
        assert child.poll() is None, f"ended too early: {child.communicate()}"
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.1)


def descendants(workspace: Workspace) -> list[int]:
    """Processes that still work in the workspace."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if path.readlink().is_relative_to(workspace.root):
                found.append(int(path.parent.name))
        except OSError:
            continue  # ended meanwhile, or not ours
    return [pid for pid in found if alive(pid) and pid != os.getpid()]


def test_from_nothing_to_up_to_date(toy: Workspace, hook: type[Hook]) -> None:
    child = start(toy, "run", "--json")
    out, err = child.communicate(timeout=LONGEST_SECONDS)
    assert child.returncode == 0, err
    assert [row["outcome"] for row in json.loads(out)["rows"]] == ["ran", "ran"]
    assert "Error logging to API" not in err
    assert hook.got[0]["status"] == "completed"
    assert not (toy.root / ".prefect" / "api.json").exists()
    assert descendants(toy) == [], "something still runs"

    child = start(toy, "run")
    out, err = child.communicate(timeout=LONGEST_SECONDS)
    assert (child.returncode, err) == (0, "")
    assert "everything is up to date" in out


def test_a_gate_that_says_no(toy: Workspace) -> None:
    change(toy, "data/raw.txt", "stamps", "bad gate")
    child = start(toy, "run")
    out, err = child.communicate(timeout=LONGEST_SECONDS)
    assert child.returncode == 1
    assert err.splitlines()[-1] == "cairn: stage ingest: accuracy 0.5 is below 0.9"
    assert "not reached" in out
    assert "prefect" not in err.lower(), f"Prefect's own words on the terminal: {err}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(toy: Workspace, number: signal.Signals) -> None:
    change(toy, "data/raw.txt", "stamps", "wait")
    child = start(toy, "run")
    wait_until(lambda: tries(toy, "ingest"), child)
    child.send_signal(number)
    _, err = child.communicate(timeout=LONGEST_SECONDS)
    assert child.returncode == 130, err
    assert err.splitlines()[-1] == "cairn: interrupted; the next `cairn run` goes on from there"
    record = last_record(toy, "ingest")
    assert record is not None
    assert record.failure is not None
    assert record.failure.error == "KeyboardInterrupt", "the stage had no time to clean up"
    assert descendants(toy) == [], "something still runs"
    assert "Traceback" not in err.split("Running stage")[0]


def test_killed_and_resumed(toy: Workspace) -> None:
    change(toy, "data/raw.txt", "stamps", "wait")
    child = start(toy, "run")
    wait_until(lambda: tries(toy, "ingest"), child)
    second = start(toy, "run")
    _, err = second.communicate(timeout=LONGEST_SECONDS)
    assert second.returncode == 3
    assert f"`cairn run` (process {child.pid}) is at work here since" in err

    child.kill()
    child.communicate()
    until = time.monotonic() + 30
    while (record := last_record(toy, "ingest")) is None or record.state == "running":
        assert time.monotonic() < until, "the stage outlived its run"
        time.sleep(0.1)
    change(toy, "data/raw.txt", "wait", "stamps")
    third = start(toy, "run")
    _, err = third.communicate(timeout=LONGEST_SECONDS)
    assert third.returncode == 0, err
    assert not (toy.root / ".prefect" / "api.json").exists(), "the orphaned API was not taken over"
    assert descendants(toy) == [], "something still runs"
