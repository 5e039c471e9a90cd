"""What nodes have on disk: read back as written, and refused where it is not."""

import json
from dataclasses import replace

import numpy as np
import pytest

from models.federated.learner import Work
from models.federated.secure import Secure
from models.federated.selection import Selection
from models.federated.softmax import SoftmaxLearner, blank
from models.federated.strategies import StrategySettings
from services.federation.digits import write_digits
from services.federation.federation import check_federation, read_federation
from services.federation.learners import load_learner
from services.federation.partitions import (
    Partition,
    PartitionError,
    read_partition,
    write_partition,
)
from services.federation.settings import plan_text


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    rows = {"x": rng.standard_normal((20, 4)).astype(np.float32), "y": np.arange(20) % 3}
    settings = {"classes": 3, "batch_size": 5, "epochs": 2}
    write_partition(tmp_path / "p", Partition("softmax", "north", settings, rows))
    return tmp_path / "p"


def test_what_is_written_is_read(folder):
    found = read_partition(folder)
    assert (found.kind, found.name, found.settings["classes"]) == ("softmax", "north", 3)
    assert found.rows["x"].shape == (20, 4)
    assert found.rows["y"].tolist() == (np.arange(20) % 3).tolist()


def test_the_learner_is_the_one_that_the_kind_names(folder):
    rows = read_partition(folder).rows
    by_hand = SoftmaxLearner("north", rows["x"], rows["y"], 3, 5, epochs=2)
    work = Work(round=1, seed=7, rate=0.1)
    loaded = load_learner(folder).train(blank(4, 3), work)
    np.testing.assert_array_equal(
        loaded.arrays["weight"], by_hand.train(blank(4, 3), work).arrays["weight"]
    )


def test_changed_rows_are_refused(folder):
    rows = bytearray((folder / "rows.safetensors").read_bytes())
    rows[-1] ^= 1
    (folder / "rows.safetensors").write_bytes(rows)
    with pytest.raises(PartitionError, match=r"expected blake3 [0-9a-f]{16}, found [0-9a-f]{16}"):
        read_partition(folder)


def test_an_unknown_kind_names_those_that_there_are(folder):
    told = json.loads((folder / "learner.json").read_text())
    (folder / "learner.json").write_text(json.dumps({**told, "kind": "forest"}))
    with pytest.raises(PartitionError, match="kind 'forest'; known are softmax"):
        load_learner(folder)


def test_a_missing_partition_says_what_is_wanted(tmp_path):
    with pytest.raises(PartitionError, match=r"learner\.json and rows\.safetensors"):
        read_partition(tmp_path)


def test_digits_are_dealt_out_once_each_and_the_same_every_time(tmp_path):
    first = write_digits(tmp_path / "a", nodes=3, rounds=2, seed=1)
    again = write_digits(tmp_path / "b", nodes=3, rounds=2, seed=1)
    parts = [read_partition(path).rows for path in first.partitions]
    # scikit-learn's documentation: 1797 samples of 64 features.
    assert sum(len(p["x"]) + len(p["x_validation"]) for p in parts) == 1797
    for one, other in zip(parts, again.partitions, strict=True):
        np.testing.assert_array_equal(one["x"], read_partition(other).rows["x"])
    assert read_federation(tmp_path / "a").plan == first.plan


def test_a_folder_without_partitions_is_refused(tmp_path):
    with pytest.raises(PartitionError, match=r"plan\.json and initial\.safetensors are wanted"):
        read_federation(tmp_path)


def with_plan(folder, **more):
    """The digits of three nodes with another plan."""
    made = write_digits(folder, nodes=3, rounds=1, seed=1)
    (folder / "plan.json").write_text(plan_text(replace(made.plan, **more)))
    return read_federation(folder)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        # Blanchard et al. 2017 (https://arxiv.org/abs/1703.02757): Krum needs 2 f + 3 clients.
        ({"strategy": StrategySettings("krum")}, r"krum .*at least 5 clients, there are 3"),
        ({"strategy": StrategySettings("crum")}, r"strategy 'crum': allowed are fedavg"),
        ({"selection": Selection("random", 1.0, 4)}, r"selection\.least 4 .* the 3 clients"),
        ({"secure": Secure(1.0, 4, 9)}, r"secure\.threshold 4 .* the 3 clients"),
    ],
)
def test_a_plan_that_needs_more_clients_than_there_are_is_refused(tmp_path, more, said):
    with pytest.raises(PartitionError, match=said):
        check_federation(with_plan(tmp_path, **more))


def test_a_federation_with_all_that_it_needs_is_not_refused(tmp_path):
    check_federation(with_plan(tmp_path, selection=Selection("random", 1.0, 3)))
    poisson = Selection("random", 0.5, 4, poisson=True)  # `least` is not looked at
    check_federation(with_plan(tmp_path, selection=poisson))


def test_a_federation_with_changed_rows_is_refused(tmp_path):
    federation = with_plan(tmp_path)
    path = federation.partitions[2] / "rows.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(PartitionError, match=r"partition-2.*the rows were changed"):
        check_federation(federation)


def test_a_folder_with_a_gap_is_refused(tmp_path):
    write_digits(tmp_path, nodes=3, rounds=1, seed=1).partitions[1].rename(tmp_path / "partition-7")
    with pytest.raises(PartitionError, match=r"partition-1 is missing, 3 folders begin with"):
        read_federation(tmp_path)


def test_changed_weights_are_refused(tmp_path):
    write_digits(tmp_path, nodes=1, rounds=1, seed=1)
    path = tmp_path / "initial.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(PartitionError, match=r"initial\.safetensors: expected blake3"):
        read_federation(tmp_path)
