"""One long-running program of a deployment: start it, watch it, and stop all that it left.

Flower's programs start others, some in sessions of their own. What belongs to one is found by its
FLWR_HOME, which each gets to itself and hands on.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
CHILD = Path(__file__).with_name("child.py")
SECONDS_TO_STOP = 8.0
SECONDS_BETWEEN_LOOKS = 0.1
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}


class Service:
    """A program.

    Args:
        name: of its log, folder/name.log.
        command: program and arguments.
        folder: its own; its FLWR_HOME is in it.
        environment: on top of this process's.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.command, self.folder = name, list(command), folder
        self.home, self.log = folder / "home", folder / f"{name}.log"
        self.environment = dict(environment or {})
        self.process: subprocess.Popen[bytes] | None = None
        self._begin = 0

    def start(self) -> None:
        """Start it, from the main thread: Linux counts the thread as the parent."""
        self.home.mkdir(parents=True, exist_ok=True)
        own = {"PATH": path(), "FLWR_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        launcher = [sys.executable, "-I", "-S", str(CHILD), str(os.getpid())]
        with self.log.open("ab") as log:
            self._begin = log.tell()
            self.process = subprocess.Popen(
                [*launcher, *self.command],
                env={**os.environ, **QUIET, **own, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def said(self) -> str:
        """Its log since it was started last, without colours."""
        if not self.log.exists():
            return ""
        return COLOURS.sub("", self.log.read_bytes()[self._begin :].decode(errors="replace"))

    def last(self, lines: int = 4) -> str:
        """The end of its log, in one line."""
        found = [line.strip() for line in self.said().splitlines() if line.strip()]
        return " | ".join(found[-lines:]) or "it said nothing"

    def kill(self) -> None:
        """As a crash would, all of it at once."""
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._collect()

    def stop(self) -> None:
        """Ask it to end, then kill what is left of it."""
        if self.running and self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self._ends(SECONDS_TO_STOP)
        self.kill()

    def family(self) -> list[psutil.Process]:
        """All processes that carry its FLWR_HOME."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("FLWR_HOME") == str(self.home):
                    found.append(process)
        return found

    def _ends(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.running:
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _collect(self) -> None:
        if self.process is not None:
            self.process.wait()
        psutil.wait_procs(self.family(), timeout=SECONDS_TO_STOP)


def path() -> str:
    """Where programs are looked for: Flower starts its own by name."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def free_port() -> int:
    """Of the loopback address; free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
