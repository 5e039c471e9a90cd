"""A SuperNode and its worker.

    python -m services.federation.supernode --superlink HOST:PORT --authority ca.crt \\
        --key node-0.key --partition 0 --data DATA --folder FOLDER      # on a host of its own
"""

import argparse
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from services.federation.certificates import probe
from services.federation.journal import DeploymentError
from services.federation.process import (
    LOOPBACK,
    SECONDS_BETWEEN_LOOKS,
    Service,
    free_port,
)
from services.federation.proxy import DATA, KEY, WORKER
from services.federation.superlink import POLL

UP = "SuperNode ID:"
SECONDS_TO_START = 120.0


@dataclass(frozen=True)
class Node:
    """What one is told.

    Args:
        name: of its logs.
        partition: which part of the data it claims to have.
        data: folder of that part.
        key: file of its private key.
        warm: keep model and data in a worker; else every message loads them anew.
        quick: look for work more often than Flower does.
    """

    name: str
    partition: int
    data: Path
    key: Path
    warm: bool = True
    quick: bool = True


class SuperNode:
    """One node's processes.

    Args:
        node: what it is told.
        folder: its own: logs, FLWR_HOME.
        superlink: host:port.
        authority: certificate that signed the SuperLink's.
    """

    def __init__(self, node: Node, folder: Path, superlink: str, authority: Path) -> None:
        self.node, self.superlink, self.authority = node, superlink, authority
        folder.mkdir(parents=True, exist_ok=True)
        # Not in the folder: a socket's path may have 107 characters.
        self._sockets = Path(tempfile.mkdtemp(prefix="cairn-"))
        socket, secret = self._sockets / "worker", self._sockets / "key"
        secret.touch(mode=0o600)
        secret.write_bytes(secrets.token_bytes(32))
        config = f"partition-id={node.partition} "
        if node.warm:
            config += f"{WORKER}={_quoted(socket)} {KEY}={_quoted(secret)}"
        else:
            config += f"{DATA}={_quoted(node.data)}"
        command = ["flower-supernode", "--superlink", superlink]
        command += ["--root-certificates", str(authority)]
        command += ["--auth-supernode-private-key", str(node.key)]
        command += ["--host", LOOPBACK, "--port", str(free_port())]
        command += ["--isolation", "subprocess", "--node-config", config]
        self.service = Service("supernode", command, folder, POLL if node.quick else {})
        self.worker: Service | None = None
        if node.warm:
            work = ["-m", "services.federation.worker", str(node.data), str(socket), str(secret)]
            self.worker = Service("worker", _python(*work), folder / "worker")

    def start(self, *, check: bool = True) -> None:
        """Start both.

        Args:
            check: make a TLS handshake first, for a clear word on what is wrong with it.

        Raises:
            DeploymentError: the SuperLink is not there, or cannot prove who it is.
        """
        if check:
            host, _, port = self.superlink.rpartition(":")
            probe(host, int(port), self.authority)
        if self.worker is not None:
            self.worker.start()
        self.service.start()

    def wait(self, seconds: float = SECONDS_TO_START) -> None:
        """Until the SuperLink has let it in, and its worker is ready.

        Raises:
            DeploymentError: the SuperLink refused it, or its worker ended.
        """
        until = time.monotonic() + seconds
        while UP not in self.service.said() or not self._worker_ready():
            if not self.service.running:
                raise DeploymentError("node_refused", f"{self.node.name}: {self._reason()}")
            if self.worker is not None and not self.worker.running:
                raise DeploymentError(
                    "worker_lost", f"{self.node.name}: it ended at start: {self.worker.last(1)}"
                )
            if time.monotonic() > until:
                raise DeploymentError(
                    "unreachable",
                    f"{self.node.name} is not up after {seconds:g} s: see {self.service.log}",
                )
            time.sleep(SECONDS_BETWEEN_LOOKS)

    @property
    def running(self) -> bool:
        return self.service.running

    def kill(self) -> None:
        """As a crash of its host would."""
        for service in self._services():
            service.kill()

    def stop(self) -> None:
        for service in self._services():
            service.stop()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _services(self) -> list[Service]:
        return [self.service] + ([self.worker] if self.worker is not None else [])

    def _worker_ready(self) -> bool:
        return self.worker is None or "ready:" in self.worker.said()

    def _reason(self) -> str:
        """What Flower said before it gave up."""
        lines = [line.strip() for line in self.service.said().splitlines() if line.strip()]
        told = [line for line in lines if "[code:" in line or "rror" in line]
        key = self.node.key.with_suffix(".pub").name
        return f"{' | '.join(told[-2:]) or self.service.last()} (is {key} registered?)"


def _python(*arguments: str) -> list[str]:
    import sys

    return [sys.executable, *arguments]


def _quoted(path: Path) -> str:
    return f'"{path}"'


def main() -> None:
    parser = argparse.ArgumentParser(description="One node: SuperNode and warm worker.")
    parser.add_argument("--superlink", required=True, metavar="HOST:PORT")
    parser.add_argument("--authority", type=Path, required=True, help="ca.crt")
    parser.add_argument("--key", type=Path, required=True, help="private key of this node")
    parser.add_argument("--partition", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of the partition")
    parser.add_argument("--folder", type=Path, required=True, help="for logs")
    given = parser.parse_args()
    told = Node(f"node-{given.partition}", given.partition, given.data, given.key)
    node = SuperNode(told, given.folder, given.superlink, given.authority)
    try:
        node.start()
        node.wait()
        print(f"{told.name} is connected to {given.superlink}; Ctrl-C stops it", flush=True)
        while node.running:
            time.sleep(1)
        raise DeploymentError("node_lost", f"{told.name} ended: {node.service.last()}")
    except KeyboardInterrupt:
        pass
    finally:
        node.stop()


if __name__ == "__main__":
    main()
