"""One run at a time in a workspace; the second one is told who is at work."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tasks.errors import BusyError
from tasks.workspace import Workspace

HOLDER = "CAIRN_LOCK_HOLDER"
"""Environment variable that tells the stages a run starts that it holds the lock for them."""


@contextmanager
def workspace_lock(workspace: Workspace, command: str) -> Iterator[None]:
    """Hold the workspace while the block runs; re-entrant for the processes that a holder starts.

    The kernel drops the lock with the process, so that a killed run never leaves it behind.

    Args:
        workspace: what to hold.
        command: what the holder does, told to whoever finds the lock taken.

    Raises:
        BusyError: another process holds it; names its process id, command and since when.
    """
    path = workspace.mlruns / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(path)
            if holder is not None and os.environ.get(HOLDER) == str(holder["pid"]):
                yield
                return
            raise BusyError(_busy(path, holder)) from None
        note = {
            "pid": os.getpid(),
            "command": command,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        file.truncate(0)
        file.write(json.dumps(note))
        file.flush()
        before = os.environ.get(HOLDER)
        os.environ[HOLDER] = str(os.getpid())
        try:
            yield
        finally:
            file.truncate(0)
            if before is None:
                del os.environ[HOLDER]
            else:
                os.environ[HOLDER] = before


def _holder(path: Path) -> dict[str, str | int] | None:
    try:
        note: dict[str, str | int] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None  # the holder is between taking the lock and writing its note
    return note


def _busy(path: Path, holder: dict[str, str | int] | None) -> str:
    if holder is None:
        return f"another run has just taken {path}: wait for it to end"
    return (
        f"`{holder['command']}` (process {holder['pid']}) is at work here since {holder['since']}: "
        "wait for it to end, or stop that process"
    )
