"""A federation's folder in Ray, and all around it that needs no Ray.

What rounds must end in comes from learners that are read and wired by hand, in a LocalGrid.
"""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cloudpickle
import psutil
import pytest

from models.federated.arrays import digest
from models.federated.client import client_app
from models.federated.codec import Codec
from models.federated.grid import LocalGrid
from models.federated.noise import private_mod, source_of
from models.federated.privacy import Privacy
from models.federated.secure import Secure, secure_mods
from models.federated.server import Server
from models.federated.strategies import StrategySettings
from models.federated.traffic import traffic_mod
from services.federation.digits import write_digits
from services.federation.federation import read_federation
from services.federation.learners import load_learner
from services.federation.memory import read_weights
from services.federation.partitions import PartitionError
from services.federation.settings import plan_text
from services.federation.simulate import app_of, kept_learner, simulate, through_ray

CLIENTS = 4
PATIENCE = 150.0
TOP_K = Codec("top_k", 0.25)
CARRIED = {"strategy": StrategySettings("scaffold"), "upload": TOP_K, "download": TOP_K}
"""Clients that keep something from round to round: control variates, bases, what is owed."""
MASKED = {
    "privacy": Privacy("secure_aggregation"),
    "secure": Secure(reach=1.0, threshold=3, most_examples=1000),
}


def federation_of(folder, *, rounds=3, **more):
    """The digits with another plan."""
    made = write_digits(folder, nodes=CLIENTS, rounds=rounds, seed=7)
    (folder / "plan.json").write_text(plan_text(replace(made.plan, **more)))
    return read_federation(folder)


def by_hand(federation):
    """Digests of the weights after every round."""
    plan, found = federation.plan, []
    people = [load_learner(path) for path in federation.partitions]
    mods = secure_mods() if plan.secure else [traffic_mod(plan.upload, plan.download)]
    mods.append(private_mod(plan.privacy, source_of(plan.privacy, plan.seed), share_of=1))
    app = client_app(lambda context: people[int(context.node_config["partition-id"])], mods)
    server = Server(
        plan,
        federation.initial,
        clients=len(people),
        on_round=lambda done: found.append(digest(done.arrays)),
    )
    server.run(LocalGrid(app, len(people)))
    assert server.events == []
    return found


def here(server, app, *, on_start):
    """In place of Ray."""
    on_start()
    server.run(LocalGrid(app, server.clients))


@pytest.mark.parametrize("more", [{}, CARRIED, MASKED], ids=["plain", "carried", "masked"])
def test_the_apps_end_in_the_bytes_of_learners_wired_by_hand(tmp_path, more):
    federation = federation_of(tmp_path / "federation", **more)
    told = []
    lines = simulate(tmp_path / "run", federation, here, tell=told.append)
    assert [line["digest"] for line in lines] == by_hand(federation)
    weights = read_weights(tmp_path / "run" / "results" / "weights.safetensors")
    assert digest(weights) == lines[-1]["digest"] != digest(federation.initial)
    assert [line.split(",")[0] for line in told] == [f"round {n}: 4 clients" for n in (1, 2, 3)]


def test_the_app_is_pickled_without_data_and_finds_them_by_path(tmp_path):
    federation = federation_of(tmp_path / "federation")
    app = app_of(federation)
    kept_learner.cache_clear()
    before = cloudpickle.dumps(app)
    LocalGrid(app, CLIENTS)
    simulate(tmp_path / "run", federation, here)
    assert kept_learner.cache_info().misses == CLIENTS  # each was read once, for all rounds
    after = cloudpickle.dumps(app)
    assert (
        len(after)
        == len(before)
        < 20_000
        < min((path / "rows.safetensors").stat().st_size for path in federation.partitions)
    )
    assert kept_learner.cache_info().currsize == CLIENTS


def test_a_run_that_was_stopped_goes_on_after_its_last_round(tmp_path):
    federation = federation_of(tmp_path / "federation")

    def stop(line):
        if line.startswith("round 1:"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "run", federation, here, tell=stop)
    told = []
    lines = simulate(tmp_path / "run", federation, here, tell=told.append)
    assert [line["digest"] for line in lines] == by_hand(federation)
    assert told[0].startswith("resumed: after round 1")
    assert [line.split(":")[0] for line in told[1:]] == ["round 2", "round 3"]

    def never(server, app, *, on_start):
        raise AssertionError("nothing is left to do")

    assert simulate(tmp_path / "run", federation, never) == lines


@pytest.mark.parametrize(
    ("more", "what"),
    [({"seed": 8}, "plan"), ({"strategy": StrategySettings("fedprox")}, "plan"), ({}, "initial")],
)
def test_rounds_of_another_federation_are_not_gone_on_from(tmp_path, more, what):
    federation = federation_of(tmp_path / "federation", rounds=1)
    simulate(tmp_path / "run", federation, here)
    other = replace(federation, plan=replace(federation.plan, rounds=2, timeout=9.0, **more))
    if what == "initial":
        other = replace(other, initial={n: v + 1 for n, v in other.initial.items()})
    with pytest.raises(PartitionError, match=rf"began otherwise \({what}\): give another folder"):
        simulate(tmp_path / "run", other, here)


def test_a_budget_that_no_round_fits_into_is_named(tmp_path):
    federation = federation_of(
        tmp_path / "federation", privacy=Privacy("central_dp", epsilon=0.01, noise="seeded")
    )
    told = []
    assert simulate(tmp_path / "run", federation, here, tell=told.append) == []
    assert told == [line for line in told if line.startswith("round 1: budget_spent: ")]
    assert len(told) == 1


@pytest.mark.slow
@pytest.mark.parametrize("more", [CARRIED, MASKED], ids=["carried", "masked"])
def test_in_ray_rounds_end_in_the_bytes_of_those_in_process(tmp_path, more):
    federation = federation_of(tmp_path / "federation", **more)
    lines = simulate(tmp_path / "run", federation, through_ray(2))
    assert [line["digest"] for line in lines] == by_hand(federation)
    assert all(len(line["parts"]) == CLIENTS and not line["events"] for line in lines)


COMMAND = "import sys; sys.argv[0] = 'cairn'; from cairn.cli import main; main()"


def below(process):
    """All that a command started, Ray's own programs among them."""
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_ray_and_the_run_can_go_on(tmp_path, number):
    federation = federation_of(tmp_path / "federation", rounds=100_000)
    words = ["--federation", str(tmp_path / "federation"), "--output", str(tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "federate", "simulate", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("round 2:"):
            break
    started = below(process)
    assert any("raylet" in " ".join(one.cmdline()) for one in started)
    os.killpg(process.pid, number)  # as a terminal does
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    assert psutil.wait_procs(started, timeout=PATIENCE)[1] == []
    done = len((tmp_path / "run" / "results" / "rounds.jsonl").read_text().splitlines())
    shorter = replace(federation, plan=replace(federation.plan, rounds=done + 1))
    lines = simulate(tmp_path / "run", shorter, here)
    assert [line["round"] for line in lines] == list(range(1, done + 2))
    assert [line["digest"] for line in lines] == by_hand(shorter)
