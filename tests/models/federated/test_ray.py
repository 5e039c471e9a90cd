"""The same server and clients in Ray and in process."""

import logging
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

os.environ |= {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}

from benchmarks.federated_data import CLASSES, PIXELS, digit_learner
from models.federated.arrays import digest
from models.federated.client import client_app
from models.federated.grid import LocalGrid
from models.federated.plan import Plan
from models.federated.ray_run import run_in_ray
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.softmax import blank
from models.federated.strategies import StrategySettings

logging.getLogger("flwr").setLevel(logging.CRITICAL)
CLIENTS = 6


def _server() -> Server:
    plan = Plan(
        rounds=3,
        seed=1,
        rate=0.1,
        strategy=StrategySettings("scaffold"),  # its clients carry a state from round to round
        selection=Selection("random", 0.7, 2),
    )
    return Server(plan, blank(PIXELS, CLASSES), clients=CLIENTS)


def _files() -> set[str]:
    """Ray's folders; pytest's own temporary ones are too long for its sockets."""
    return {path.name for path in Path(tempfile.gettempdir()).glob("ray*")}


@pytest.mark.slow
def test_ray_ends_in_the_same_bytes_and_leaves_nothing_behind() -> None:
    import psutil
    import ray

    here, there = _server(), _server()
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    path, files = os.environ.get("PYTHONPATH"), _files()
    run_in_ray(there, client_app(digit_learner), cores=2, patience=300)
    assert not ray.is_initialized()
    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    _, alive = psutil.wait_procs(left, timeout=20)
    assert alive == []
    assert os.environ.get("PYTHONPATH") == path
    assert _files() == files
    here.run(LocalGrid(client_app(digit_learner), CLIENTS))
    assert here.events == there.events == []
    assert np.abs(there.arrays["weight"]).max() > 0
    assert digest(there.arrays) == digest(here.arrays)
    assert here.screen.seen == there.screen.seen  # every client's every update, too
