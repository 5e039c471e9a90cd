"""`cairn federate status` reads the log alone; the rounds are those of a real, tiny run."""

import json
import subprocess
import sys

import numpy as np
import pytest

from models.federated.arrays import digest
from models.federated.client import client_app
from models.federated.grid import LocalGrid
from models.federated.plan import Plan
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.softmax import SoftmaxLearner, blank
from models.federated.strategies import StrategySettings
from tasks.federate.record import log_round
from tasks.federate.state import Rounds

COMMAND = "import sys; sys.argv[0] = 'cairn'; from cairn.cli import main; main()"


def cairn(*words):
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *words], capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def two_rounds(workspace):
    rng = np.random.default_rng(0)
    clients = [
        SoftmaxLearner(name, rng.random((8, 3), np.float32), rng.integers(0, 2, 8), 2, 4)
        for name in ("north", "south")
    ]
    rounds = Rounds.of(workspace, {"test": 1})

    def on_round(found):
        saved = rounds.write(found.number, server.memory())
        log_round(workspace, "run", found, saved, rounds=3, privacy=None)

    plan = Plan(
        rounds=2,
        seed=1,
        rate=0.1,
        strategy=StrategySettings("fedavg"),
        selection=Selection("random", 1.0, 2),
    )
    server = Server(plan, blank(3, 2), clients=2, on_round=on_round)
    server.run(LocalGrid(client_app(lambda c: clients[int(c.node_config["partition-id"])]), 2))
    return server, rounds


def test_status_names_rounds_clients_and_how_to_go_on(two_rounds):
    done = cairn("federate", "status")
    assert done.returncode == 0, done.stderr
    assert "2 of 3" in done.stdout
    assert "in round 2: north, south" in done.stdout
    assert "round 2 of 3 is done, the run has not ended" in done.stdout
    assert "cairn run" in done.stdout


def test_status_as_json_has_every_update_and_the_saved_weights_are_the_servers(two_rounds):
    server, rounds = two_rounds
    told = json.loads(cairn("federate", "status", "--json").stdout)
    assert [one["round"]["number"] for one in told["rounds"]] == [1, 2]
    for one in told["rounds"]:
        assert [part["client"] for part in one["clients"]] == ["north", "south"]
        assert all(len(part["update"]) == 64 for part in one["clients"])
        assert [part["weight"] for part in one["clients"]] == ["8.0", "8.0"]
    saved = rounds.read()
    assert digest(saved["arrays"]) == digest(server.arrays)


def test_without_a_round_status_says_what_to_do(workspace):
    from provenance import Log

    Log.open(workspace.provenance)
    done = cairn("federate", "status")
    assert done.returncode == 2
    assert "no federated round is in the log: `cairn run`" in done.stderr


def test_export_into_a_full_folder_is_refused(workspace, tmp_path):
    (tmp_path / "there.txt").write_text("mine")
    done = cairn("federate", "export", str(tmp_path))
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert (tmp_path / "there.txt").read_text() == "mine"
