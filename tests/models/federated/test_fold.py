"""The running mean: equal to Flower's, with one reply in memory at a time."""

import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from flwr.app import Message, MetricRecord, RecordDict
from flwr.serverapp.strategy.strategy_utils import aggregate_arrayrecords, aggregate_metricrecords

from models.federated.arrays import arrays_of, record_of
from models.federated.client import ARRAYS, METRICS
from models.federated.fold import fold
from models.federated.grid import LocalGrid
from models.federated.privacy import Level, Privacy
from tests.models.federated.conftest import plan_of, quadratics, run


def contents(count: int, seed: int = 0) -> list[RecordDict]:
    rng = np.random.default_rng(seed)
    return [
        RecordDict(
            {
                ARRAYS: record_of(
                    {
                        "w": rng.normal(size=(3, 4)).astype(np.float32) * np.float32(10.0**k),
                        "b": rng.normal(size=2).astype(np.float32),
                    }
                ),
                METRICS: MetricRecord(
                    {"num-examples": int(rng.integers(1, 500)), "loss": float(rng.random())}
                ),
            }
        )
        for k in rng.integers(-3, 3, count)
    ]


def replies(count: int) -> Iterator[Message]:
    LocalGrid(None, 1)  # type: ignore[arg-type]  # lets messages be made outside a server
    for node, content in enumerate(contents(count)):
        yield Message(content, reply_to=Message(RecordDict(), node, "train"))


@pytest.mark.parametrize("count", [1, 2, 50])
def test_as_flower_aggregates(count: int) -> None:
    (found,) = fold(replies(count))

    expected = arrays_of(aggregate_arrayrecords(contents(count), "num-examples"))
    for name, value in arrays_of(found.content[ARRAYS]).items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, expected[name], rtol=1e-6, atol=1e-6)
    figures = aggregate_metricrecords(contents(count), "num-examples")
    assert found.content[METRICS]["loss"] == pytest.approx(figures["loss"])
    total = sum(content[METRICS]["num-examples"] for content in contents(count))
    assert found.content[METRICS]["num-examples"] == total


def test_nothing_comes_of_nothing() -> None:
    assert fold([]) == []


class Watched:
    """How many replies are alive whenever one more is made."""

    def __init__(self) -> None:
        self.alive: weakref.WeakSet[Message] = weakref.WeakSet()
        self.most = 0

    def __call__(self, message: Message, reply: Message) -> None:
        if message.metadata.message_type == "train":
            self.alive.add(reply)
            self.most = max(self.most, len(self.alive))


@pytest.mark.parametrize("strategy", ["fedavg", "fedprox", "fedavgm", "fedadam"])
@pytest.mark.parametrize("level", ["none", "central_dp"])
def test_one_reply_is_alive_besides_the_next(strategy: str, level: Level) -> None:
    watched = Watched()
    privacy = Privacy(level, epsilon=100, noise="seeded")
    run(quadratics(20), plan_of(strategy, rounds=2, privacy=privacy), on_message=watched)
    assert 1 <= watched.most <= 2


def test_the_watch_sees_those_that_are_kept() -> None:
    """The median needs all values at once: here the same watch counts all clients."""
    watched = Watched()
    run(quadratics(20), plan_of("median", rounds=2), on_message=watched)
    assert watched.most >= 20


def test_the_order_of_replies_changes_no_more_than_rounding() -> None:
    one = list(replies(9))
    (forth,), (back,) = fold(one), fold(reversed(one))
    for name, value in arrays_of(forth.content[ARRAYS]).items():
        np.testing.assert_allclose(arrays_of(back.content[ARRAYS])[name], value, rtol=1e-6)
