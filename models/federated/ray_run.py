"""The same ClientApp and Server in Flower's Ray simulation: many clients over several processes.

https://flower.ai/docs/framework/how-to-run-simulations.html. Only `run_in_ray` imports Ray.
"""

import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from flwr.app import Message, MessageType, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from models.federated.around import Prompt, StoppedError
from models.federated.server import Server

POLL = 0.05
"""Seconds between looks at how many nodes and replies are there."""


def run_in_ray(
    server: Server,
    app: ClientApp,
    *,
    cores: int,
    patience: float = 120.0,
    store_mb: int = 200,
    on_start: Callable[[], None] = lambda: None,
) -> None:
    """All rounds of a server in Ray, started for them and shut down at the end.

    Results are those of the in-process grid to the bit: the server brings replies in order, and
    all that is random hangs on a client's part of the data, not on its node. An exception in this
    thread, Ctrl-C too, ends the rounds and Ray.

    Args:
        server: its plan, weights and number of clients; holds the results afterwards.
        app: what every client runs. It is pickled for every message, so it should find its data in
            a module and not carry them.
        cores: clients at work at the same time, each in a process of its own on one core.
        patience: seconds until all nodes must be there, and then the first of them must answer.
        store_mb: shared memory for Ray's objects.
        on_start: called in another thread when Ray is up, before the first round.

    Raises:
        TimeoutError: nodes are missing, or do not answer.
        StalledError: too many rounds in a row came to nothing.
        RuntimeError: Ray, or a client in a way that Flower does not answer for, failed.
    """
    os.environ |= {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0"}  # nothing is told to anyone
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns of its plans
    import ray
    from flwr.simulation import run_simulation

    outer, stopped, at_work = ServerApp(), threading.Event(), threading.Lock()

    @outer.main()
    def main(grid: Grid, context: Any) -> None:
        with at_work:
            prompt = Prompt(grid, POLL, in_turns=True, stopped=stopped)
            _wait(prompt, server.clients, patience)
            on_start()
            server.app()(prompt, context)

    files = tempfile.mkdtemp(prefix="ray")  # short: sockets lie there, and names have a limit
    try:
        _start(cores, store_mb, files)
        run_simulation(
            outer,
            app,
            server.clients,
            backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
        )
    finally:
        stopped.set()  # else the server's thread would wait for clients that are no more
        with at_work:
            pass  # it has ended
        ray.shutdown()  # Flower's backend does it too, unless it failed
        shutil.rmtree(files, ignore_errors=True)  # logs of every process, written till the end


def _start(cores: int, store_mb: int, files: str) -> None:
    """As Flower's backend would, which takes a Ray that is there.

    It would connect to what RAY_ADDRESS names, where others may be at work; and Ray, in the place
    of this process's own way to end on SIGTERM, would abort it.
    """
    import ray

    on_sigterm = signal.getsignal(signal.SIGTERM)
    path = os.pathsep.join([*sys.path, *filter(None, [os.environ.get("PYTHONPATH")])])
    ray.init(
        address="local",
        num_cpus=cores,
        object_store_memory=store_mb * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env={"env_vars": {"PYTHONPATH": path}},
        _temp_dir=files,
    )
    if threading.current_thread() is threading.main_thread() and on_sigterm is not None:
        signal.signal(signal.SIGTERM, on_sigterm)


def _wait(grid: Prompt, clients: int, patience: float) -> None:
    """The server starts beside the nodes: without this, a first round may miss some.

    Nodes are there before Ray is. That one of them answers shows that Ray has started, which a
    round's own timeout should not have to wait for.
    """
    until = time.monotonic() + patience
    while (here := len(nodes := list(grid.get_node_ids()))) < clients:
        if time.monotonic() > until:
            raise TimeoutError(
                f"{here} of {clients} nodes after {patience:g} s: give Ray more `patience`"
            )
        if grid.stopped.wait(POLL):
            raise StoppedError("while nodes were waited for")
    asked = Message(RecordDict(), nodes[0], MessageType.QUERY)
    if not list(grid.send_and_receive([asked], timeout=patience)):
        raise TimeoutError(f"no node answers after {patience:g} s: give Ray more `patience`")
