"""`cairn federate`: status reads the log alone, of a real, tiny run; deploy and simulate end in the
same weights, and refuse what cannot be run before they start anything."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from cairn.federate_deploy import deploy
from cairn.federate_simulate import simulate
from models.federated.arrays import digest
from models.federated.client import client_app
from models.federated.grid import LocalGrid
from models.federated.plan import Plan
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.softmax import SoftmaxLearner, blank
from models.federated.strategies import StrategySettings
from tasks.errors import CairnError, InputError
from tasks.federate.record import log_round
from tasks.federate.state import Rounds

COMMAND = "import sys; sys.argv[0] = 'cairn'; from cairn.cli import main; main()"


def cairn(*words):
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *words], capture_output=True, text=True, timeout=300
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


@pytest.fixture
def digits(tmp_path):
    from services.federation.digits import write_digits

    write_digits(tmp_path / "digits", nodes=2, rounds=1, seed=1)
    return tmp_path / "digits"


@pytest.mark.parametrize("command", [deploy, simulate])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"federation": Path("nowhere")}, r"nowhere: plan\.json and initial\.safetensors are wan"),
        ({"nodes": 3}, r"--nodes 3: .* has 2 partitions, one a node; give --nodes 2, or leave"),
        ({"rounds": 5}, r"--rounds 5: .*plan\.json says that; leave it out"),
        ({"seed": 0}, r"--seed 0: .*plan\.json says that; leave it out"),
    ],
)
def test_a_federation_that_the_options_contradict_is_refused(
    workspace, digits, command, words, said
):
    with pytest.raises(InputError, match=said):
        command(**{"federation": digits} | words)
    assert not (workspace.mlruns / "simulations").exists()


def test_a_trial_of_other_clients_does_not_go_on_from_another(workspace, tmp_path):
    from services.federation.digits import write_digits

    write_digits(tmp_path / "run" / "federation", nodes=2, rounds=1, seed=7)
    with pytest.raises(InputError, match=r"run has 2 nodes: give --nodes 2, or another folder"):
        simulate(nodes=4, output=tmp_path / "run")
    assert not (tmp_path / "run" / "federation" / "partition-2").exists()


def test_more_cores_than_there_are_and_none_at_all(workspace, digits):
    there = len(psutil.Process().cpu_affinity())
    with pytest.raises(InputError, match=rf"--cores {there + 1}: {there} are there; give 1 to "):
        simulate(federation=digits, cores=there + 1)
    done = cairn("federate", "simulate", "--cores", "0")
    assert done.returncode == 2
    assert "cairn: Invalid value for '--cores'" in done.stderr
    assert not (workspace.mlruns / "simulations").exists()


def test_a_changed_partition_is_refused_before_anything_starts(workspace, digits):
    (digits / "partition-1" / "rows.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"partition-1.*the rows were changed"):
        simulate(federation=digits)


def test_rounds_that_come_to_nothing_end_in_one_line(workspace, digits, monkeypatch):
    """Ray's part is played by a grid in this process; its clients are asked in vain."""

    def in_vain(_cores):
        def carry(server, app, *, on_start):
            del app
            on_start()
            server.run(LocalGrid(client_app(lambda _: 1 / 0), server.clients))

        return carry

    monkeypatch.setattr("services.federation.simulate.through_ray", in_vain)
    path = digits / "plan.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "rounds": 9}))
    with pytest.raises(CairnError, match=r"3 rounds in a row came to nothing .*ZeroDivisionError"):
        simulate(federation=digits)


@pytest.mark.slow
def test_the_trial_with_digits_ends_in_the_same_weights_in_ray_and_between_processes(workspace):
    found = [
        cairn("federate", way, "--nodes", "2", "--rounds", "2") for way in ("simulate", "deploy")
    ]
    assert [done.returncode for done in found] == [0, 0], [done.stderr for done in found]
    lines = [done.stdout.splitlines() for done in found]
    assert lines[0][-1] == lines[1][-1]
    assert lines[0][-1].startswith("2 rounds, weights blake3 ")
    for told in lines:
        assert [line.split(",")[0] for line in told if line.startswith("round ")] == [
            "round 1: 2 clients",
            "round 2: 2 clients",
        ]
