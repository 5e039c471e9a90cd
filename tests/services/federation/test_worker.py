"""The warm worker and its proxy, as two real processes; and what a message's process imports."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.federated.learner import Work
from models.federated.softmax import blank
from services.federation import proxy
from services.federation.digits import write_digits
from services.federation.learners import load_learner
from services.federation.process import Service
from services.federation.proxy import RemoteLearner, WorkerError

KEY = b"a secret of this test"
WORK = Work(round=2, seed=11, rate=0.1, share=0.5, mu=0.1)


@pytest.fixture
def data(tmp_path):
    return write_digits(tmp_path / "federation", nodes=2, rounds=1, seed=1).partitions[0]


@pytest.fixture
def worker(data, tmp_path, monkeypatch):
    socket = Path("w.sock")  # relative: a socket's path must be short, a test's folder is not
    monkeypatch.chdir(tmp_path)
    Path("key").write_bytes(KEY)
    command = [sys.executable, "-m", "services.federation.worker", str(data), str(socket), "key"]
    service = Service("worker", command, tmp_path / "worker")
    service.start()
    try:
        yield service
    finally:
        service.stop()


def test_the_worker_does_what_the_learner_would(worker, data):
    own, remote = load_learner(data), RemoteLearner("w.sock", KEY)
    assert (remote.name, remote.examples) == (own.name, own.examples)
    start = blank(64, 10)
    correction = {name: np.full_like(value, 0.01) for name, value in start.items()}
    work = Work(**{**WORK.__dict__, "correction": correction})
    ours, theirs = own.train(start, work), remote.train(start, work)
    assert list(theirs.arrays) == list(ours.arrays)
    for name, value in ours.arrays.items():
        np.testing.assert_array_equal(theirs.arrays[name], value)
    assert (theirs.examples, theirs.steps, theirs.metrics) == (
        ours.examples,
        ours.steps,
        ours.metrics,
    )
    assert remote.evaluate(start) == own.evaluate(start)


def test_a_bad_message_costs_itself_alone(worker):
    remote = RemoteLearner("w.sock", KEY)
    with pytest.raises(WorkerError, match="KeyError: 'weight'"):
        remote.train({"nothing": np.zeros(1, np.float32)}, WORK)
    assert remote.train(blank(64, 10), WORK).steps > 0


def test_who_does_not_know_the_key_is_turned_away(worker):
    from multiprocessing import AuthenticationError

    with pytest.raises(AuthenticationError):
        RemoteLearner("w.sock", b"a guess")
    assert RemoteLearner("w.sock", KEY).examples > 0


def test_a_worker_that_dies_is_named(worker, monkeypatch):
    remote = RemoteLearner("w.sock", KEY)
    worker.kill()
    monkeypatch.setattr(proxy, "SECONDS_TO_ANSWER", 0.2)
    with pytest.raises(WorkerError, match="the worker ended while it was asked to train"):
        remote.train(blank(64, 10), WORK)
    with pytest.raises(WorkerError, match=r"no worker answers at w\.sock"):
        RemoteLearner("w.sock", KEY)


def test_a_message_pays_for_no_heavy_import():
    """Flower starts a process for every message: what it imports is paid for in every round."""
    heavy = ("torch", "scipy", "sklearn", "pandas", "ray", "matplotlib", "mlflow", "prefect")
    code = (
        "import sys, services.federation.fab.client_app, flwr.supernode.cli\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
