"""A run that stops after any round and goes on elsewhere ends in the same bytes."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, RecordDict

from models.federated.arrays import arrays_of, flat, record_of
from models.federated.client import client_app
from models.federated.codec import Codec
from models.federated.grid import LocalGrid
from models.federated.noise import private_mod, source_of
from models.federated.plan import Plan
from models.federated.privacy import Adaptive, Privacy
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.strategies import STRATEGIES
from models.federated.traffic import traffic_mod
from tests.models.federated.conftest import plan_of, quadratics

CLIENTS, ROUNDS, SHAPE = 12, 5, (20, 20)
SETTINGS = {"server_rate": 0.4, "malicious": 1, "selected": 3}


def packed(value: Any, arrays: list[bytes]) -> Any:
    """Nested data as JSON types, arrays as their place in a list of bytes."""
    if isinstance(value, np.ndarray):
        arrays.append(value.tobytes())
        return {"array": len(arrays) - 1, "type": value.dtype.str, "shape": value.shape}
    if isinstance(value, dict):
        return {key: packed(inner, arrays) for key, inner in value.items()}
    return [packed(inner, arrays) for inner in value] if isinstance(value, list) else value


def unpacked(value: Any, arrays: list[bytes]) -> Any:
    if isinstance(value, dict) and set(value) == {"array", "type", "shape"}:
        flat_one = np.frombuffer(arrays[value["array"]], value["type"])
        return flat_one.reshape(value["shape"]).copy()
    if isinstance(value, dict):
        return {key: unpacked(inner, arrays) for key, inner in value.items()}
    return [unpacked(inner, arrays) for inner in value] if isinstance(value, list) else value


def through_json(value: Any) -> Any:
    arrays: list[bytes] = []
    text = json.dumps(packed(value, arrays))
    return unpacked(json.loads(text), arrays)


def plain_states(grid: LocalGrid) -> Any:
    return {
        str(node): {
            str(name): arrays_of(record) if isinstance(record, ArrayRecord) else dict(record)
            for name, record in state.items()
        }
        for node, state in grid.states.items()
    }


def states_of(plain: Any) -> dict[int, RecordDict]:
    def record(value: Any) -> Any:
        if all(isinstance(inner, np.ndarray) for inner in value.values()):
            return record_of(value)
        return ConfigRecord(value)

    return {
        int(node): RecordDict({name: record(value) for name, value in state.items()})
        for node, state in plain.items()
    }


def made(plan: Plan, mods: list[Any]) -> tuple[Server, LocalGrid, list[Any]]:
    learners = quadratics(CLIENTS, shape=SHAPE)
    app = client_app(lambda context: learners[int(context.node_config["partition-id"])], mods)
    rounds: list[Any] = []
    start = {"x": np.zeros(SHAPE, np.float32)}
    server = Server(plan, start, clients=CLIENTS, on_round=rounds.append)
    return server, LocalGrid(app, CLIENTS), rounds


def stopped_and_resumed(plan: Plan, mods: Any, *, after: int) -> tuple[Server, list[Any], Any]:
    first, grid, before = made(dataclasses.replace(plan, rounds=after), mods())
    first.run(grid)
    memory, states = through_json(first.memory()), through_json(plain_states(grid))
    second, grid, later = made(plan, mods())
    second.remember(memory)
    grid.states = states_of(states)
    second.run(grid)
    return second, before + later, grid


def check(plan: Plan, mods: Any = list, *, stops: Any = (1, 3)) -> Server:
    whole, grid, rounds = made(plan, mods())
    whole.run(grid)
    assert np.abs(flat(whole.arrays)).max() > 0
    for after in stops:
        resumed, found, other = stopped_and_resumed(plan, mods, after=after)
        assert flat(resumed.arrays).tobytes() == flat(whole.arrays).tobytes()
        assert [r.number for r in found] == [r.number for r in rounds]
        for one, same in zip(found, rounds, strict=True):
            assert flat(one.arrays).tobytes() == flat(same.arrays).tobytes()
            assert (one.parts, one.metrics, one.epsilon) == (same.parts, same.metrics, same.epsilon)
            assert (one.bytes_up, one.bytes_down) == (same.bytes_up, same.bytes_down)
        assert resumed.events == whole.events
        assert resumed.progress == whole.progress
        assert packed(plain_states(other), a := []) == packed(plain_states(grid), b := [])
        assert a == b
    return whole


def part(**more: Any) -> Plan:
    some = Selection(more.pop("policy", "random"), 0.75, 8)
    return plan_of(rounds=ROUNDS, settings=SETTINGS, rate=0.05, selection=some, **more)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy(strategy: str) -> None:
    check(part(strategy=strategy))


@pytest.mark.parametrize("codec", [Codec("int8"), Codec("top_k", 0.2), Codec("low_rank", rank=2)])
@pytest.mark.parametrize("strategy", ["fedavgm", "fedyogi", "scaffold"])
def test_with_codecs_both_ways(strategy: str, codec: Codec) -> None:
    plan = part(strategy=strategy, upload=codec, download=codec)
    check(plan, lambda: [traffic_mod(codec, codec)], stops=[2])


@pytest.mark.parametrize("level", ["local_dp", "central_dp"])
def test_with_noise(level: Any) -> None:
    adaptive = Adaptive(quantile=0.5, rate=0.3, count_noise=1.0) if level == "central_dp" else None
    privacy = Privacy(level, epsilon=1e4, noise="seeded", adaptive=adaptive)
    found = check(
        part(strategy="fedadam", privacy=privacy),
        lambda: [private_mod(privacy, source_of(privacy, 1), share_of=1)],
    )
    if adaptive:
        assert found.central is not None
        assert found.central.clip != 1.0


@pytest.mark.parametrize("policy", ["availability", "loss", "fair"])
def test_with_every_selection(policy: str) -> None:
    check(part(policy=policy))


def test_a_replay_from_before_the_stop_is_still_known() -> None:
    server, grid, _ = made(part(), [])
    server.run(grid)
    again, _, _ = made(part(), [])
    again.remember(through_json(server.memory()))
    assert again.screen.seen == server.screen.seen
    assert len(server.screen.seen) == ROUNDS * 9


@pytest.mark.parametrize("strategy", ["fedavgm", "fedadam", "scaffold"])
def test_what_strategies_carry_matters(strategy: str) -> None:
    """Without their memory, runs end elsewhere: so the tests above can fail."""
    plan = part(strategy=strategy)
    whole, grid, _ = made(plan, [])
    whole.run(grid)
    first, grid, _ = made(dataclasses.replace(plan, rounds=3), [])
    first.run(grid)
    memory = first.memory()
    assert memory["strategy"]
    second, _, _ = made(plan, [])
    second.remember({**memory, "strategy": {}})
    second.run(grid)
    assert flat(second.arrays).tobytes() != flat(whole.arrays).tobytes()
