"""Processes end when they are told to, and others are not held for them."""

import os
import subprocess
import sys
import threading
import time

import pytest

from flows.processes import alive, stop_group
from flows.watch import stop_with_holder
from tasks.lock import HOLDER

STUBBORN = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)\n"
)
POLITE = "import time\nprint('ready', flush=True)\ntime.sleep(60)\n"


def start(code: str) -> "subprocess.Popen[str]":
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize(("code", "number"), [(POLITE, 2), (STUBBORN, 9)])
def test_stop_group(code: str, number: int) -> None:
    child = start(code)
    assert alive(child.pid)
    stop_group(child.pid, 0.3)
    assert not alive(child.pid), "a zombie does not count as alive"
    # Python ends by the signal itself after a KeyboardInterrupt, as POSIX asks for.
    assert child.wait() == -number
    stop_group(child.pid, 0.1)  # gone already: nothing happens


def test_a_stage_by_itself_has_no_holder_to_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    monkeypatch.delenv(HOLDER, raising=False)
    stop_with_holder()
    monkeypatch.setenv(HOLDER, str(os.getpid()))
    stop_with_holder()
    assert threading.active_count() == before


def test_a_stage_stops_when_its_holder_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = start(POLITE)
    monkeypatch.setenv(HOLDER, str(holder.pid))
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012  # the interrupt comes while we wait
        stop_with_holder()
        holder.kill()
        time.sleep(10)
    holder.wait()
