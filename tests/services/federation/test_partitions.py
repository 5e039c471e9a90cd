"""What nodes have on disk: read back as written, and refused where it is not."""

import json

import numpy as np
import pytest

from models.federated.learner import Work
from models.federated.softmax import SoftmaxLearner, blank
from services.federation.digits import write_digits
from services.federation.federation import read_federation
from services.federation.learners import load_learner
from services.federation.partitions import (
    Partition,
    PartitionError,
    read_partition,
    write_partition,
)


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
