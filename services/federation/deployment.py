"""A whole federation on this machine: certificates, SuperLink, SuperNodes, a run, and its end.

run/certificates, run/keys       made on the spot
run/superlink, run/node-0, ...   logs, database, FLWR_HOME of each
run/results                      rounds, weights
run/events.jsonl                 what happened
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from services.federation.certificates import Certificates, make, make_node_key
from services.federation.control import Control, Started
from services.federation.federation import Federation
from services.federation.journal import DeploymentError, Journal
from services.federation.memory import write
from services.federation.process import LOOPBACK, SECONDS_BETWEEN_LOOKS, free_port
from services.federation.rounds import read_rounds, told
from services.federation.settings import CLIENTS, INITIAL, LOOK, PLAN, RESULTS, plan_text
from services.federation.superlink import SuperLink
from services.federation.supernode import Node, SuperNode, Warmth

SECONDS_FOR_NODES = 60.0
SECONDS_BETWEEN_QUESTIONS = 1.0
FLOWERS_LOOK = 3.0
RESTARTS = 3
TAKEN = "address already in use"


class Deployment:
    """From nothing to results, and nothing left running.

    Args:
        folder: of this run; one that holds rounds already goes on after them.
        federation: what to deploy.
        tell: called with each line for people.
        warmth: of the nodes; less of it for measurements only.
    """

    def __init__(
        self,
        folder: Path,
        federation: Federation,
        *,
        tell: Callable[[str], None] = lambda _: None,
        warmth: Warmth | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.federation, self.tell = folder.resolve(), federation, tell
        self.warmth = warmth or Warmth()
        self.journal = Journal(self.folder / "events.jsonl", tell)
        self.results = self.folder / "results"
        self.nodes: list[SuperNode] = []
        self.ids: dict[str, int] = {}
        self.superlink: SuperLink | None = None
        self.started: Started | None = None
        self._lost: set[str] = set()
        self._restarts, self._ask_after = 0, 0.0

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop rounds, nodes, SuperLink; what cannot be stopped does not keep the others."""
        with ExitStack() as last:
            if self.superlink is not None:
                last.callback(self.superlink.stop)
            for node in self.nodes:
                last.callback(node.stop)
            if self.superlink is not None:
                last.callback(self.superlink.end_rounds)

    def link(self) -> SuperLink:
        """The SuperLink, once there is one."""
        if self.superlink is None:
            raise DeploymentError("unreachable", "the SuperLink was not started")
        return self.superlink

    def add_node(
        self, name: str, partition: int, data: Path, *, registered: bool = True
    ) -> SuperNode:
        """Make a key, register it and start a node with it."""
        link, key = self.link(), make_node_key(self.folder / "keys", name)
        if registered:
            with link.control() as control:
                self.ids[name] = control.register(key.with_suffix(".pub"), name)
        told = Node(name, partition, data, key, warmth=self.warmth)
        node = SuperNode(told, self.folder / name, link.address, link.certificates.authority)
        self.nodes.append(node)
        node.start()
        return node

    def run(self) -> list[dict[str, Any]]:
        """All rounds; a SuperLink that dies is started again, and the run goes on.

        Returns:
            the lines of rounds.jsonl.

        Raises:
            DeploymentError: the run failed, or the SuperLink keeps dying.
        """
        self.begin()
        shown = len(read_rounds(self.results))
        while True:
            shown = self._show(shown)
            self._look_after_nodes()
            if not self.link().running:
                self._bring_back()
            elif self._over():
                self._show(shown)
                return read_rounds(self.results)
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def begin(self) -> Started:
        """Start the run, and do not wait for it."""
        done = len(read_rounds(self.results))
        with self.link().control() as control:
            self.started = control.start(self._settings())
        if done:
            text = f"after round {done}; what clients kept for themselves begins anew"
            self.journal.note("resumed", text)
        self.journal.note("run_started", f"run {self.started.run}")
        return self.started

    def _open(self) -> None:
        certificates = make(self.folder / "certificates", [LOOPBACK, "localhost"])
        self.journal.note("certificates", f"made in {certificates.folder}, valid for 30 days")
        self._start_superlink(certificates)
        write(self.folder / "initial.safetensors", {"arrays": self.federation.initial})
        for number, data in enumerate(self.federation.partitions):
            self.add_node(f"node-{number}", number, data)
        for node in self.nodes:
            node.wait()
            self.journal.note("node_up", f"{node.node.name} is connected, its key is registered")

    def _start_superlink(self, certificates: Certificates) -> None:
        """On a free port; another one where someone took it in the meantime.

        What an earlier SuperLink of this folder knew is of keys and runs that are no more.
        """
        for old in (self.folder / "superlink").glob("state.db*"):
            old.unlink()
        for last in (False, False, True):
            link = SuperLink(
                self.folder / "superlink", certificates, free_port(), quick=self.warmth.quick
            )
            self.superlink = link
            link.start()
            try:
                seconds = link.wait()
                break
            except DeploymentError:
                if last or TAKEN not in link.said():
                    raise
        text = f"at {link.address} after {seconds:.1f} s, TLS, registered nodes only"
        self.journal.note("superlink_up", text)

    def _settings(self) -> dict[str, str | int | float]:
        return {
            PLAN: plan_text(self.federation.plan),
            INITIAL: str(self.folder / "initial.safetensors"),
            RESULTS: str(self.results),
            CLIENTS: len(self.federation.partitions),
            LOOK: SECONDS_BETWEEN_LOOKS if self.warmth.quick else FLOWERS_LOOK,
        }

    def _show(self, shown: int) -> int:
        """Tell of rounds that are new; a restarted run may take back the last one's line."""
        lines = read_rounds(self.results)
        for line in lines[shown:]:
            for text in told(line):
                self.tell(text)
        return max(shown, len(lines))

    def _look_after_nodes(self) -> None:
        for node in self.nodes:
            name = node.node.name
            if not node.running and name not in self._lost:
                self._lost.add(name)
                self.journal.note("node_lost", f"{name} ended: the run goes on without it")
            for helper in node.ended() if node.running else ():
                self.journal.note("worker_lost", f"{helper.name} of {name}: starting it again")
                helper.start()

    def _bring_back(self) -> None:
        """The same port and database: nodes find it again, and still have their clients' state."""
        link, started = self.link(), self.started
        done = len(read_rounds(self.results))
        code = link.process.returncode if link.process is not None else None
        self.journal.note("superlink_lost", f"in round {done + 1}: it ended with {code}")
        self._restarts += 1
        if self._restarts > RESTARTS or started is None:
            raise DeploymentError("superlink_lost", f"{RESTARTS} times: see {link.log}")
        link.kill()  # what it left: a ServerApp that is still writing
        link.start()
        seconds = link.wait()
        with link.control() as control:
            control.stop(started.run)
            there = self._wait_for_nodes(control)
            self.started = control.start(self._settings(), started.series)
        text = f"after round {done}; SuperLink back after {seconds:.1f} s, {there} nodes there"
        self.journal.note("resumed", text)

    def _wait_for_nodes(self, control: Control) -> int:
        wanted = {
            self.ids[n.node.name] for n in self.nodes if n.running and n.node.name in self.ids
        }
        until = time.monotonic() + SECONDS_FOR_NODES
        while time.monotonic() < until and not wanted <= control.online():
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return len(wanted & control.online())

    def _over(self) -> bool:
        """Whether the run has ended.

        Raises:
            DeploymentError: it failed.
        """
        if self.started is None or time.monotonic() < self._ask_after:
            return False
        self._ask_after = time.monotonic() + SECONDS_BETWEEN_QUESTIONS
        try:
            with self.link().control() as control:
                found = control.outcome(self.started.run)
        except httpx.HTTPError:
            return False  # it is dying, or busy: the next look tells
        if found.status != "finished":
            return False
        if not found.good:
            self.journal.note("run_failed", found.details)
            raise DeploymentError("run_failed", f"{found.details}; see {self.link().log}")
        self.journal.note("finished", f"results in {self.results}")
        return True
