"""The forge as a real process: copies of it work one after the other, and callers do not wait."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.federation import forge as forging
from services.federation.process import Service

PATIENCE = 60.0
FORGE = """
import sys, time
from pathlib import Path
from services.federation import forge

forge.SECONDS_TO_HAND_IN = {seconds}

def command():
    name = sys.argv[1]
    with open("told", "a") as file:
        print("begin", name, file=file, flush=True)
        while not Path(name).exists():
            time.sleep(0.01)
        print("end", name, file=file, flush=True)

forge.serve(Path("f.sock"), command)
"""


@pytest.fixture
def forge(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short, a test's folder is not

    def start(seconds):
        code = FORGE.format(seconds=seconds)
        service = Service("forge", [sys.executable, "-c", code], tmp_path / "forge")
        services.append(service)
        service.start()
        await_that(lambda: "ready:" in service.said())

    services = []
    yield start
    for service in services:
        service.stop()


def await_that(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def call(name):
    shim = Path(__file__).parents[3] / "services" / "federation" / "shim.py"
    subprocess.run(
        [sys.executable, str(shim), "f.sock", "/bin/false", name], check=True, timeout=PATIENCE
    )


def told():
    path = Path("told")
    return path.read_text().splitlines() if path.exists() else []


def test_the_next_message_waits_for_the_state_of_the_one_before(forge):
    forge(seconds=PATIENCE)
    call("a")
    await_that(lambda: told() == ["begin a"])
    call("b")  # comes back though a is at work: its SuperNode has other things to do
    assert told() == ["begin a"]
    Path("b").touch()
    Path("a").touch()
    await_that(lambda: len(told()) == 4)
    assert told() == ["begin a", "end a", "begin b", "end b"]


def test_one_that_never_ends_does_not_hold_up_the_others(forge):
    forge(seconds=0.2)
    call("a")
    Path("b").touch()
    call("b")
    await_that(lambda: "end b" in told())
    assert "end a" not in told()


def test_flower_still_gives_up_where_the_forge_says_that_it_does():
    """The forge sets this name; were it gone, a large state would be lost on a busy host."""
    from flwr.supercore.exit import exit as end

    assert 0 < end.FORCE_EXIT_TIMEOUT_SECONDS < forging.SECONDS_TO_HAND_IN
