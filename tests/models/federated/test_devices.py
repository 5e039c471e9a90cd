"""Devices: how often they fail, what becomes of slow ones, and the clock by hand."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from models.federated.client import client_app
from models.federated.devices import DeviceGrid, Profile, Stragglers
from models.federated.grid import FIRST_NODE, LocalGrid
from models.federated.server import Server
from tests.models.federated.conftest import plan_of, quadratics

FAST = Profile("desktop", 1000.0, 4096.0, 8.0, 16.0, 1.0, 0.0)
WAIT = Stragglers("wait", 0.0)
NPY_HEADER = 128
"""Bytes before the values of a small array in NumPy's file format, version 1.0."""


def field(
    profiles: list[Profile], *, stragglers: Stragglers = WAIT, rounds: int = 1, **more: Any
) -> tuple[Server, DeviceGrid, list[Any], list[Any]]:
    given: dict[str, Any] = {"needs_mb": 100.0, "seed": 5, "size": 1000, **more}
    learners = quadratics(len(profiles), shape=(given.pop("size"),), steps=10)
    app = client_app(lambda context: learners[int(context.node_config["partition-id"])])
    nodes = range(FIRST_NODE, FIRST_NODE + len(profiles))
    grid = DeviceGrid(
        LocalGrid(app, len(profiles)),
        profiles=dict(zip(nodes, profiles, strict=True)),
        partitions={node: node - FIRST_NODE for node in nodes},
        examples=dict.fromkeys(nodes, 500.0),
        stragglers=stragglers,
        **given,
    )
    found: list[Any] = []
    server = Server(
        plan_of(rounds=rounds, stragglers=stragglers, patience=10**6),
        {name: np.zeros(goal.shape, np.float32) for name, goal in learners[0].goal.items()},
        clients=len(profiles),
        on_round=found.append,
        reachable=grid.reachable,
    )
    server.run(grid)
    return server, grid, found, learners


def profile(**more: Any) -> Profile:
    from dataclasses import replace

    return replace(FAST, **more)


def within(count: int, of: int, share: float) -> bool:
    low, high = binom.ppf([1e-6, 1 - 1e-6], of, share)
    return bool(low <= count <= high)


def test_the_clock_by_hand() -> None:
    """4,000 bytes and a header: down at 16 Mbit/s, up at 8; 500 rows at 1,000 a second."""
    _, grid, _, _ = field([FAST, profile(examples_per_second=100.0, up_mbps=0.8)])
    size = 4 * 1000 + NPY_HEADER

    fast, slow = [spent for spent in grid.spent if spent.round == 1]

    assert (fast.bytes_down, fast.bytes_up) == (size, size)
    assert fast.download == pytest.approx(size * 8 / 16e6)
    assert fast.work == pytest.approx(0.5)
    assert fast.upload == pytest.approx(size * 8 / 8e6)
    assert fast.seconds == pytest.approx(size * 8 / 16e6 + 0.5 + size * 8 / 8e6)
    assert slow.seconds == pytest.approx(size * 8 / 16e6 + 5.0 + size * 8 / 0.8e6)
    assert (fast.outcome, fast.share) == ("taken", 1.0)


@pytest.mark.parametrize("availability", [0.2, 0.7, 1.0, 0.0])
def test_availability(availability: float) -> None:
    rounds, clients = 100, 5
    server, _, found, _ = field(
        [profile(availability=availability)] * clients, rounds=rounds, size=4
    )
    there = sum(len(r.parts) for r in found)
    assert within(there, rounds * clients, availability)
    away = [event for event in server.events if event.kind == "unavailable"]
    assert len(away) == rounds * clients - there


@pytest.mark.parametrize("dropout", [0.3, 1.0])
def test_dropout(dropout: float) -> None:
    rounds, clients = 100, 5
    server, _, found, _ = field([profile(dropout=dropout)] * clients, rounds=rounds, size=4)
    dropped = [event for event in server.events if event.kind == "dropped"]
    assert within(len(dropped), rounds * clients, dropout)
    assert sum(len(r.parts) for r in found) == rounds * clients - len(dropped)


def test_draws_repeat_and_clients_draw_apart() -> None:
    shaky = [profile(availability=0.5, dropout=0.3)] * 4
    first, again, other = (
        [[p.client for p in r.parts] for r in field(shaky, rounds=30, size=4, seed=seed)[2]]
        for seed in (5, 5, 6)
    )
    assert first == again != other
    pattern = np.array([[f"c{i}" in names for i in range(4)] for names in first])
    assert len({tuple(column) for column in pattern.T}) == 4


def test_too_little_memory() -> None:
    server, _, found, _ = field([FAST, profile(memory_mb=64.0)], rounds=2)
    assert [[p.client for p in r.parts] for r in found] == [["c0"], ["c0"]]
    assert [event.kind for event in server.events] == ["unavailable"] * 2
    assert "64 MB of memory, 100 are needed" in server.events[0].detail


SLOW = profile(examples_per_second=100.0)
"""Takes 5 s for 500 rows."""


def test_waiting_takes_everyone() -> None:
    server, _, found, _ = field([FAST, SLOW])
    assert len(found[0].parts) == 2
    assert server.events == []


def test_dropping_those_who_are_late() -> None:
    server, grid, found, _ = field([FAST, SLOW], stragglers=Stragglers("drop", 2.0))
    assert [p.client for p in found[0].parts] == ["c0"]
    assert [(e.kind, e.client) for e in server.events] == [("straggler", "c1")]
    assert "5.0 s, the deadline is 2 s" in server.events[0].detail
    assert [s.outcome for s in grid.spent if s.round == 1] == ["taken", "straggler"]


def test_partial_work_fits_the_deadline() -> None:
    """What is left of 2 s after the travels, at 100 rows a second: two fifths of 500."""
    _, grid, found, learners = field([FAST, SLOW], stragglers=Stragglers("partial", 2.0))
    size = 4 * 1000 + NPY_HEADER
    share = (2.0 - size * 8 / 16e6 - size * 8 / 8e6) * 100 / 500

    assert learners[0].work[0].share == 1.0
    assert learners[1].work[0].share == pytest.approx(share)
    assert [p.metrics["steps"] for p in found[0].parts] == [10, round(10 * share)] == [10, 4]
    slow = next(spent for spent in grid.spent if spent.partition == 1 and spent.round == 1)
    assert slow.seconds == pytest.approx(2.0)


def test_too_small_a_part_is_not_asked_for() -> None:
    stragglers = Stragglers("partial", 2.0, least_share=0.5)
    server, _, found, learners = field([FAST, SLOW], stragglers=stragglers)
    assert [p.client for p in found[0].parts] == ["c0"]
    assert [(e.kind, e.client) for e in server.events] == [("straggler", "c1")]
    assert learners[1].work == []


def test_shares_of_one_client_do_not_reach_another() -> None:
    """Flower sends one settings record to all: each must get its own share."""
    speeds = [1000.0, 100.0, 50.0, 200.0]
    profiles = [profile(examples_per_second=speed) for speed in speeds]
    *_, learners = field(profiles, stragglers=Stragglers("partial", 2.0, least_share=0.01))
    shares = [learner.work[0].share for learner in learners]
    np.testing.assert_allclose(shares, np.minimum(1, 2 * np.array(speeds) / 500), rtol=0.01)
