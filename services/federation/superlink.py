"""The SuperLink: TLS, registered nodes only, and a database that outlives it."""

import time
from contextlib import suppress
from pathlib import Path

import psutil

from services.federation.certificates import Certificates, check
from services.federation.control import Control
from services.federation.journal import DeploymentError
from services.federation.process import LOOPBACK, SECONDS_BETWEEN_LOOKS, Service

SERVER_APP = "flwr-serverapp"
SECONDS_TO_START = 60.0
POLL = {"FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.25"}
"""Seconds between looks for a task to start; Flower's own is 1."""


class SuperLink(Service):
    """One that nodes and commands reach at host:port.

    Args:
        folder: its own: log, database, FLWR_HOME.
        certificates: that name the host.
        port: one for all of Flower's APIs.
        host: address to listen on.
        quick: look for work more often than Flower does.
    """

    def __init__(
        self,
        folder: Path,
        certificates: Certificates,
        port: int,
        *,
        host: str = LOOPBACK,
        quick: bool = True,
    ) -> None:
        command = ["flower-superlink", "--host", host, "--port", str(port)]
        command += ["--ssl-ca-certfile", str(certificates.authority)]
        command += ["--ssl-certfile", str(certificates.server)]
        command += ["--ssl-keyfile", str(certificates.server_key)]
        command += ["--database", str(folder / "state.db"), "--enable-supernode-auth"]
        command += ["--isolation", "subprocess", "--disable-runtime-dependency-installation"]
        super().__init__("superlink", command, folder, POLL if quick else {})
        self.certificates, self.host, self.port = certificates, host, port

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def control(self) -> Control:
        return Control(self.address, self.certificates.authority)

    def start(self) -> None:
        """Start it.

        Raises:
            DeploymentError: its certificates will not do.
        """
        check(self.certificates, self.host)
        super().start()

    def end_rounds(self) -> None:
        """Kill the ServerApp. Before the nodes leave: it would take that for rounds that failed."""
        for process in self.family():
            with suppress(psutil.Error):
                if any(SERVER_APP in word for word in process.cmdline()):
                    process.kill()

    def wait(self, seconds: float = SECONDS_TO_START) -> float:
        """Until it answers; how long that took.

        Raises:
            DeploymentError: it ended, or does not answer.
        """
        began = time.monotonic()
        with self.control() as control:
            while not control.healthy():
                if not self.running:
                    raise DeploymentError("superlink_lost", f"it ended at start: {self.last()}")
                if time.monotonic() - began > seconds:
                    raise DeploymentError(
                        "unreachable",
                        f"the SuperLink did not answer within {seconds:g} s: see {self.log}",
                    )
                time.sleep(SECONDS_BETWEEN_LOOKS)
        return time.monotonic() - began
