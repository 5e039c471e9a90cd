"""Robust strategies against brute force, SciPy and Flower's own."""

import gc
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flwr.app import Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import Bulyan
from scipy.stats import trim_mean

from models.federated.arrays import arrays_of, flat, record_of
from models.federated.bulyan import FastBulyan, nearest_to_median
from models.federated.client import ARRAYS, METRICS
from models.federated.grid import LocalGrid
from tests.models.federated.conftest import plan_of, run


class Fixed:
    """Answers with the same weights whatever it is sent."""

    def __init__(self, name: str, values: np.ndarray, examples: int = 1) -> None:
        self.name, self.values, self.examples = name, values, examples

    def train(self, arrays: Any, work: Any) -> Any:
        from models.federated.learner import Learned

        del arrays, work
        weights = {"w": self.values[:6].reshape(2, 3), "b": self.values[6:]}
        return Learned(weights, self.examples, 1.0, {})


def answered(table: np.ndarray, strategy: str, examples: list[int] | None = None, **more: Any):
    """What the strategy makes of the rows of a table (clients, weights), as one vector."""
    counts = examples or [1] * len(table)
    clients = [Fixed(f"c{i}", row, n) for i, (row, n) in enumerate(zip(table, counts, strict=True))]
    initial = {"w": np.zeros((2, 3), np.float32), "b": np.zeros(table.shape[1] - 6, np.float32)}
    found = run(clients, plan_of(strategy, rounds=1, settings=more), initial=initial)
    assert found.kinds == []
    return flat(found.server.arrays)


def random_table(rows: int, seed: int = 0, columns: int = 11) -> np.ndarray:
    table = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    table[: rows // 4] += 20  # some far off
    return table


@pytest.mark.parametrize("rows", [2, 5, 8])
def test_median(rows: int) -> None:
    table = random_table(rows)
    np.testing.assert_allclose(answered(table, "median"), np.median(table, axis=0), rtol=1e-6)


@pytest.mark.parametrize(("rows", "share"), [(5, 0.2), (8, 0.25), (9, 0.4), (3, 0.2)])
def test_trimmed_mean(rows: int, share: float) -> None:
    table = random_table(rows)
    expected = trim_mean(table, share, axis=0)
    np.testing.assert_allclose(answered(table, "trimmed_mean", trimmed=share), expected, rtol=1e-5)


def krum(table: np.ndarray, hostile: int) -> list[int]:
    """Clients by score (Blanchard et al. 2017, section 4): the sum of squared distances to those
    n - f - 2 others that make it smallest; over all subsets, as it is defined."""
    rows = table.astype(np.float64)
    near = len(rows) - hostile - 2
    scores = []
    for i, row in enumerate(rows):
        others = [((row - other) ** 2).sum() for j, other in enumerate(rows) if j != i]
        scores.append(min(map(sum, itertools.combinations(others, near))))
    return [int(i) for i in np.argsort(scores)]


@pytest.mark.parametrize(("rows", "hostile"), [(5, 1), (7, 2), (9, 2), (9, 3), (6, 0)])
def test_krum_and_multi_krum(rows: int, hostile: int) -> None:
    table, examples = random_table(rows, seed=rows), list(range(1, rows + 1))
    order = krum(table, hostile)

    one = answered(table, "krum", examples, malicious=hostile)
    many = answered(table, "multi_krum", examples, malicious=hostile, selected=3)

    np.testing.assert_allclose(one, table[order[0]], rtol=1e-6)
    chosen, weights = table[order[:3]], np.array(examples)[order[:3]]  # weighed by their examples
    np.testing.assert_allclose(many, weights @ chosen / weights.sum(), rtol=1e-5, atol=1e-6)


def bulyan(table: np.ndarray, hostile: int) -> np.ndarray:
    """El Mhamdi et al. 2018, section 4, with Multi-Krum for the choice, as Flower's: the mean of
    the theta - 2f values that are nearest to the median of those chosen."""
    theta = len(table) - 2 * hostile
    chosen = table[krum(table, hostile)[:theta]]
    off = np.abs(chosen - np.median(chosen, axis=0))
    nearest = np.argsort(off, axis=0, kind="stable")[: theta - 2 * hostile]
    return np.take_along_axis(chosen, nearest, axis=0).mean(axis=0)


@pytest.mark.parametrize(("rows", "hostile"), [(7, 1), (8, 1), (11, 2), (12, 2)])
def test_bulyan(rows: int, hostile: int) -> None:
    table = random_table(rows, seed=rows)
    found = answered(table, "bulyan", malicious=hostile)
    np.testing.assert_allclose(found, bulyan(table, hostile), rtol=1e-5, atol=1e-6)


def replies(table: np.ndarray) -> list[Message]:
    LocalGrid(None, 1)  # type: ignore[arg-type]  # lets messages be made outside a server
    made = []
    for node, row in enumerate(table):
        half = len(row) // 2
        content = RecordDict(
            {
                ARRAYS: record_of({"a": row[:half].reshape(half, 1), "b": row[half:]}),
                METRICS: MetricRecord({"num-examples": 1, "loss": float(node)}),
            }
        )
        sent = Message(RecordDict(), node, "train")
        made.append(Message(content, reply_to=sent))
    return made


@pytest.fixture
def quick_collection() -> Iterator[None]:
    """Flower's Bulyan collects garbage for every update: all that is there now is left out."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize(
    ("hostile", "more", "columns"),
    [(0, 0, 2), (0, 4, 37), (1, 0, 200), (1, 3, 2), (2, 0, 37), (2, 1, 200), (3, 0, 37)],
)
def test_fast_bulyan_is_flowers(
    hostile: int, more: int, columns: int, monkeypatch: pytest.MonkeyPatch, quick_collection: None
) -> None:
    monkeypatch.setattr("models.federated.bulyan.BLOCK", 64)  # 200 columns are four blocks
    table = random_table(4 * hostile + 3 + more, seed=columns + hostile, columns=columns)
    settings = {"num_malicious_nodes": hostile, "min_train_nodes": 1}

    ours, our_figures = FastBulyan(**settings).aggregate_train(1, replies(table))
    theirs, their_figures = Bulyan(**settings).aggregate_train(1, replies(table))

    assert ours is not None
    for name, value in arrays_of(theirs).items():
        np.testing.assert_allclose(arrays_of(ours)[name], value, rtol=1e-5, atol=1e-6)
        assert arrays_of(ours)[name].shape == value.shape
    assert our_figures == their_figures


def test_fast_bulyan_wants_as_many_as_flowers() -> None:
    table = random_table(6)
    for cls in (FastBulyan, Bulyan):
        assert cls(num_malicious_nodes=1).aggregate_train(1, replies(table)) == (None, None)


def test_the_nearest_of_equal_values() -> None:
    """Ties at both ends of the window: the mean is one of the two that are right."""
    table = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]], np.float32)
    assert nearest_to_median(table, 3)[0] == 2
    assert nearest_to_median(table, 4)[0] in (1.5, 2.5)
    assert nearest_to_median(np.full((5, 3), 7, np.float32), 3).tolist() == [7, 7, 7]


@pytest.mark.parametrize("strategy", ["median", "trimmed_mean", "krum", "multi_krum", "bulyan"])
def test_they_stand_two_hostile_clients_where_fedavg_does_not(strategy: str) -> None:
    rng = np.random.default_rng(2)
    table = rng.normal(size=(12, 11)).astype(np.float32)
    table[:2] += 1e6

    settings = {"malicious": 2, "trimmed": 0.2, "selected": 5}
    robust = answered(table, strategy, **settings)

    # Each coordinate stays among those of the honest: what the papers promise at the least.
    assert (table[2:].min(axis=0) <= robust).all()
    assert (robust <= table[2:].max(axis=0)).all()
    assert answered(table, "fedavg").min() > 1e5
