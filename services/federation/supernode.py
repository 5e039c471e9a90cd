"""A SuperNode, its worker and its forge.

    python -m services.federation.supernode --superlink HOST:PORT --authority ca.crt \\
        --key node-0.key --partition 0 --data DATA --folder FOLDER      # on a host of its own
"""

import argparse
import os
import secrets
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services.federation.certificates import probe
from services.federation.journal import DeploymentError
from services.federation.process import (
    LOOPBACK,
    SECONDS_BETWEEN_LOOKS,
    Service,
    free_port,
    path,
)
from services.federation.proxy import DATA, KEY, WORKER
from services.federation.superlink import POLL

COMMAND = "flwr-clientapp"
SHIM = Path(__file__).with_name("shim.py")
UP = "SuperNode ID:"
GAVE_UP = "Failed to initialize the connection to the SuperLink."
UNKNOWN_KEY = "Failed to activate SuperNode"
SECONDS_TO_START = 120.0


@dataclass(frozen=True)
class Warmth:
    """What is kept from message to message; without any of it a node is as Flower makes it.

    Args:
        worker: model and data, in services/federation/worker.py.
        forge: Flower's own imports, in services/federation/forge.py.
        quick: look for work more often than Flower does.
    """

    worker: bool = True
    forge: bool = True
    quick: bool = True


@dataclass(frozen=True)
class Node:
    """What one is told.

    Args:
        name: of its logs.
        partition: which part of the data it claims to have.
        data: folder of that part.
        key: file of its private key.
        warmth: what it keeps.
    """

    name: str
    partition: int
    data: Path
    key: Path
    warmth: Warmth = field(default_factory=Warmth)


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
        self.service = Service("supernode", self._command(), folder, dict(self._environment()))
        self.helpers: list[Service] = []
        if node.warmth.worker:
            work = [str(node.data), str(self._sockets / "worker"), str(self._secret())]
            self.helpers.append(_helper("worker", folder, *work))
        if node.warmth.forge:
            self.helpers.append(_helper("forge", folder, str(self._sockets / "forge")))

    def _command(self) -> list[str]:
        node, config = self.node, f"partition-id={self.node.partition} "
        if node.warmth.worker:
            worker, secret = self._sockets / "worker", self._sockets / "key"
            config += f"{WORKER}={_quoted(worker)} {KEY}={_quoted(secret)}"
        else:
            config += f"{DATA}={_quoted(node.data)}"
        command = ["flower-supernode", "--superlink", self.superlink]
        command += ["--root-certificates", str(self.authority)]
        command += ["--auth-supernode-private-key", str(node.key)]
        command += ["--host", LOOPBACK, "--port", str(free_port())]
        return [*command, "--isolation", "subprocess", "--node-config", config]

    def _environment(self) -> Iterator[tuple[str, str]]:
        if self.node.warmth.quick:
            yield from POLL.items()
        if self.node.warmth.forge:
            yield "PATH", f"{self._shim().parent}{os.pathsep}{path()}"

    def _shim(self) -> Path:
        """A command of Flower's name, to be found before Flower's own."""
        shim = self._sockets / "bin" / COMMAND
        shim.parent.mkdir()
        own = shutil.which(COMMAND, path=path())
        if own is None:
            raise DeploymentError("unreachable", f"{COMMAND} is not there: install flwr")
        words = [sys.executable, "-I", "-S", str(SHIM), str(self._sockets / "forge"), own]
        shim.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        shim.chmod(0o700)
        return shim

    def _secret(self) -> Path:
        secret = self._sockets / "key"
        secret.touch(mode=0o600)
        secret.write_bytes(secrets.token_bytes(32))
        return secret

    def start(self, *, check: bool = True) -> None:
        """Start all of it.

        Args:
            check: make a TLS handshake first, for a clear word on what is wrong with it.

        Raises:
            DeploymentError: the SuperLink is not there, or cannot prove who it is.
        """
        if check:
            host, _, port = self.superlink.rpartition(":")
            probe(host, int(port), self.authority)
        for helper in self.helpers:
            helper.start()
        self.service.start()

    def wait(self, seconds: float = SECONDS_TO_START) -> None:
        """Until the SuperLink has let it in, and its helpers are ready.

        Raises:
            DeploymentError: the SuperLink refused it, or a helper ended.
        """
        until = time.monotonic() + seconds
        while UP not in self.service.said() or not self._helpers_ready():
            if not self.service.running:
                raise DeploymentError("node_refused", f"{self.node.name}: {self._reason()}")
            for helper in self.ended():
                raise DeploymentError(
                    "worker_lost", f"{self.node.name}: {helper.name} ended: {helper.last(1)}"
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

    def ended(self) -> list[Service]:
        """Helpers that should run and do not."""
        return [helper for helper in self.helpers if not helper.running]

    def _services(self) -> list[Service]:
        return [self.service, *self.helpers]

    def _helpers_ready(self) -> bool:
        return all("ready:" in helper.said() for helper in self.helpers)

    def _reason(self) -> str:
        """What Flower said when it gave up: the line after the one that says that it did."""
        _, _, told = self.service.said().partition(GAVE_UP)
        why = next((line.strip() for line in told.splitlines() if line.strip()), "")
        if UNKNOWN_KEY in why:
            why += f" Is {self.node.key.with_suffix('.pub').name} registered?"
        return why or self.service.last()


def _helper(name: str, folder: Path, *arguments: str) -> Service:
    command = [sys.executable, "-m", f"services.federation.{name}", *arguments]
    return Service(name, command, folder / name)


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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: stop all of it
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
