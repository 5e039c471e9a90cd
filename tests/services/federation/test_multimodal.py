"""A node with its own rows alone learns what the same client learns beside all the others."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from models.batches import Data
from models.federated.arrays import digest
from models.federated.client import client_app, partition_of
from models.federated.codec import Codec
from models.federated.grid import LocalGrid
from models.federated.learner import Work
from models.federated.multimodal import Local, MultimodalLearner, Workshop, weights_of
from models.federated.plan import Plan
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.strategies import StrategySettings
from models.federated.traffic import traffic_mod
from models.multimodal import build
from models.objective import Weights
from services.federation.federation import write_federation
from services.federation.learners import load_learner
from services.federation.multimodal import multimodal_partition
from services.federation.partitions import PartitionError, write_partition
from services.federation.simulate import simulate

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def parts():
    """The readable data set of the models' tests, parted by language."""
    path = PROJECT / "tests" / "models" / "conftest.py"
    loaded = importlib.util.spec_from_file_location("readable_data", path)
    readable = importlib.util.module_from_spec(loaded)
    loaded.loader.exec_module(readable)
    spec, examples = readable.spec.__wrapped__(), readable.examples.__wrapped__()
    names = torch.randn(4, 3, generator=torch.Generator().manual_seed(5))
    local = Local("adamw", 0.0, 2, 8, 0.1, 0.05, 0.3, 1.0, Weights(1.0, 1.0, 0.5))
    shop = Workshop(lambda: build(spec, seed=3, class_names=names))
    rows = [(examples.language == i).nonzero()[:, 0] for i in range(2)]
    learners = [
        MultimodalLearner(name, Data(examples, own[:16], own[16:]), local, shop)
        for name, own in zip(("bg", "ca"), rows, strict=True)
    ]
    return spec, names, learners


@pytest.mark.parametrize("which", [0, 1])
def test_a_node_with_its_own_rows_learns_the_same(parts, tmp_path, which):
    spec, names, learners = parts
    write_partition(tmp_path / "part", multimodal_partition(learners[which], spec, names))
    alone = load_learner(tmp_path / "part")
    assert (alone.name, alone.examples) == (learners[which].name, 16)
    start = weights_of(build(spec, seed=3))
    work = Work(round=1, seed=11, rate=1e-2)
    torch.set_num_threads(1)
    here, there = learners[which].train(start, work), alone.train(start, work)
    assert digest(there.arrays) == digest(here.arrays)
    assert there.metrics == here.metrics
    assert digest(here.arrays) != digest(start)
    assert alone.evaluate(start) == learners[which].evaluate(start)


def test_a_partition_holds_no_content_of_another_client(parts):
    spec, names, learners = parts
    rows = multimodal_partition(learners[0], spec, names).rows
    theirs = learners[1].data
    for view in ("image", "caption", "audio"):
        place = theirs.examples.place[view][torch.cat([theirs.train, theirs.validation])]
        others = theirs.examples.contents[view][place[place >= 0]].numpy()
        mine = rows[f"contents.{view}"]
        assert not any(np.array_equal(one, other) for one in mine for other in others)


def test_changed_rows_are_refused(parts, tmp_path):
    spec, names, learners = parts
    write_partition(tmp_path / "part", multimodal_partition(learners[0], spec, names))
    path = tmp_path / "part" / "rows.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(PartitionError, match="rows were changed"):
        load_learner(tmp_path / "part")


def test_rounds_of_the_folder_end_where_those_of_the_clients_themselves_do(parts, tmp_path):
    """As `federate export` writes it: momentum, differences both ways, weights without an axis."""
    spec, names, learners = parts
    start = weights_of(build(spec, seed=3))
    assert any(value.ndim == 0 for value in start.values())
    plan = Plan(
        rounds=2,
        seed=5,
        rate=1e-2,
        strategy=StrategySettings("fedavgm"),
        selection=Selection("random", 1.0, 2),
        upload=Codec("int8"),
        download=Codec("int8"),
    )
    written = [multimodal_partition(learner, spec, names) for learner in learners]
    federation = write_federation(tmp_path / "federation", plan, start, written)

    def here(server, app, *, on_start):
        on_start()
        server.run(LocalGrid(app, server.clients))

    lines = simulate(tmp_path / "run", federation, here)
    server = Server(plan, start, clients=2)
    mods = [traffic_mod(plan.upload, plan.download)]
    server.run(LocalGrid(client_app(lambda c: learners[partition_of(c)], mods), 2))
    assert server.events == []
    assert [len(line["parts"]) for line in lines] == [2, 2]
    assert lines[-1]["digest"] == digest(server.arrays) != digest(start)
