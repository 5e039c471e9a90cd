"""Processes that we start: do they live, and how do they and all of their children stop."""

import os
import signal
import time
from contextlib import suppress

import psutil

SECONDS_BETWEEN_LOOKS = 0.1


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended but was not yet collected by its parent does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def stop_group(leader: int, seconds: float) -> None:
    """Ask a process and its children to stop; kill what is left.

    Args:
        leader: process id of one that was started in a session of its own.
        seconds: to wait after SIGINT, and again after SIGTERM, before SIGKILL.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        _signal(leader, number)
        if _ends(leader, seconds):
            break
    _signal(leader, signal.SIGKILL)
    _ends(leader, seconds)


def _ends(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > until:
            return False
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return True


def _signal(leader: int, number: signal.Signals) -> None:
    # Gone already, or collected so long ago that the number belongs to someone else.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
