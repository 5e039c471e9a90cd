"""The same ClientApp and Server in Flower's Ray simulation: many clients over several processes.

https://flower.ai/docs/framework/how-to-run-simulations.html. Only `run_in_ray` imports Ray.
"""

import os
import shutil
import tempfile
import time
from typing import Any

from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from models.federated.server import Server

POLL = 0.05
"""Seconds between looks at how many nodes are there."""


def run_in_ray(
    server: Server,
    app: ClientApp,
    *,
    cores: int,
    patience: float = 120.0,
    store_mb: int = 200,
) -> None:
    """All rounds of a server in Ray, started for them and shut down at the end.

    Results are those of the in-process grid to the bit: the server brings replies in order, and
    all that is random hangs on a client's part of the data, not on its node.

    Args:
        server: its plan, weights and number of clients; holds the results afterwards.
        app: what every client runs. It is pickled for every message, so it should find its data in
            a module and not carry them.
        cores: clients at work at the same time, each in a process of its own on one core.
        patience: seconds until all nodes must be there.
        store_mb: shared memory for Ray's objects.

    Raises:
        TimeoutError: nodes are missing.
        RuntimeError: Ray, or a client in a way that Flower does not answer for, failed.
    """
    os.environ |= {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0"}  # nothing is told to anyone
    import ray
    from flwr.simulation import run_simulation

    outer = ServerApp()

    @outer.main()
    def main(grid: Grid, context: Any) -> None:
        _wait(grid, server.clients, patience)
        server.app()(grid, context)

    path = os.environ.get("PYTHONPATH")  # Flower's backend writes its own there
    files = tempfile.mkdtemp(prefix="ray")  # short: sockets lie there, and names have a limit
    started = {"num_cpus": cores, "object_store_memory": store_mb * 2**20, "_temp_dir": files}
    try:
        run_simulation(
            outer,
            app,
            server.clients,
            backend_config={
                "init_args": started,
                "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            },
        )
    finally:
        ray.shutdown()  # Flower's backend does it too, unless it failed
        shutil.rmtree(files, ignore_errors=True)  # logs of every process, written till the end
        if path is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = path


def _wait(grid: Grid, clients: int, patience: float) -> None:
    """The server starts beside the nodes: without this, a first round may miss some."""
    until = time.monotonic() + patience
    while (here := len(list(grid.get_node_ids()))) < clients:
        if time.monotonic() > until:
            raise TimeoutError(
                f"{here} of {clients} nodes after {patience:g} s: give Ray more `patience`"
            )
        time.sleep(POLL)
