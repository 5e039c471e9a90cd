"""Secure aggregation: the same mean, from messages that tell the server nothing of one client."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message
from flwr.compat.common.parameter import bytes_to_ndarray

from models.federated.arrays import arrays_of
from models.federated.client import partition_of
from models.federated.codec import Codec
from models.federated.plan import Plan, StalledError
from models.federated.privacy import Privacy
from models.federated.secure import Secure, secure_mods
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.softmax import blank
from models.federated.strategies import StrategySettings
from models.federated.traffic import traffic_mod
from tests.models.federated.conftest import EPS, Drawn, after, plan_of, quadratics, run

SECURE = Secure(reach=8.0, threshold=3, most_examples=10)
MASKED = Privacy("secure_aggregation")
RECORD, STAGE = "secaggplus_configs", "stage"
STAGES = ("setup", "share_keys", "collect_masked_vectors", "unmask")


def secured(**more: Any) -> Any:
    return plan_of(**{"privacy": MASKED, "secure": SECURE, "rate": 0.05, "rounds": 1, **more})


def bound(updates: np.ndarray, weights: np.ndarray) -> float:
    """How far the masked mean may be from the plain one.

    Client i's weight becomes q_i = round(n_i / most * levels); q_i / levels times its update is
    rounded to a step of 2 * reach / levels, up or down; the sum is divided by sum q_i / levels.
    """
    shares = np.round(weights / SECURE.most_examples * SECURE.levels)
    step = 2 * SECURE.reach / SECURE.levels
    rounded = len(weights) * step * SECURE.levels / shares.sum()
    reweighed = np.abs(shares / shares.sum() - weights / weights.sum()).sum()
    return float(rounded + reweighed * np.abs(updates).max() + 4 * EPS * np.abs(updates).max())


def mean_of(clients: list[Any], rate: float = 0.05) -> tuple[np.ndarray, float]:
    weights = np.array([c.examples for c in clients], float)
    updates = np.stack([after(np.zeros(4), c, rate=rate) for c in clients])
    return weights @ updates / weights.sum(), bound(updates, weights)


def leaves(who: set[int], *, at: str) -> Any:
    """A mod, outermost: some clients do not answer from one step on."""

    def mod(message: Message, context: Any, call_next: Any) -> Message:
        stage = str(message.content[RECORD][STAGE])
        if partition_of(context) in who and STAGES.index(stage) >= STAGES.index(at):
            raise ConnectionError("gone")
        return call_next(message, context)

    return mod


def test_the_mean_is_fedavgs_within_the_grids_resolution() -> None:
    clients = quadratics(6)
    expected, off = mean_of(clients)

    found = run(clients, secured(), mods=secure_mods())

    assert off < 1e-4  # a bound that says something: updates are of size 1
    assert np.abs(found.x - expected).max() <= off
    assert np.abs(expected).max() > 0.1
    assert found.kinds == []
    assert {part.digest for part in found.rounds[0].parts} == {"0" * 64}  # no one saw an update


@pytest.mark.parametrize("strategy", ["fedavgm", "fedadam", "fedprox"])
def test_strategies_that_average_do_the_same_with_it(strategy: str) -> None:
    more = {"strategy": strategy, "rounds": 3, "settings": {"server_rate": 0.5, "tau": 0.1}}
    masked = run(quadratics(5), secured(**more), mods=secure_mods())
    plain = run(quadratics(5), plan_of(rate=0.05, **more))
    np.testing.assert_allclose(masked.x, plain.x, atol=1e-3)


@pytest.mark.parametrize("outermost", ["traffic", "secure"])
def test_with_compressed_downloads(outermost: str) -> None:
    codec = Codec("int8")
    traffic = [traffic_mod(Codec("none"), codec)]
    both = [traffic, secure_mods()]
    mods = [mod for part in (both if outermost == "traffic" else both[::-1]) for mod in part]

    masked = run(quadratics(5), secured(download=codec, rounds=4), mods=mods)

    plain = run(quadratics(5), plan_of(rounds=4, rate=0.05))
    np.testing.assert_allclose(masked.x, plain.x, atol=0.05)
    assert masked.kinds == []


@pytest.mark.parametrize("who", [{1}, {0, 4}])
@pytest.mark.parametrize("at", STAGES[:3])
def test_one_or_two_may_leave_at_any_step_before_the_sum(who: set[int], at: str) -> None:
    clients = quadratics(6)
    expected, off = mean_of([c for i, c in enumerate(clients) if i not in who])

    found = run(clients, secured(), mods=[leaves(who, at=at), *secure_mods()])

    assert np.abs(found.x - expected).max() <= off
    events = [(event.kind, event.client) for event in found.server.events]
    assert events == [("dropped", f"c{i}") for i in sorted(who)]


def test_who_leaves_after_the_sum_is_still_in_it() -> None:
    clients = quadratics(6)
    expected, off = mean_of(clients)
    found = run(clients, secured(), mods=[leaves({2}, at="unmask"), *secure_mods()])
    assert np.abs(found.x - expected).max() <= off


@pytest.mark.parametrize("at", STAGES)
def test_below_the_threshold_nothing_moves(at: str) -> None:
    mods = [leaves({0, 1, 2, 3}, at=at), *secure_mods()]
    rounds: list[Any] = []

    with pytest.raises(StalledError):
        run(quadratics(6), secured(rounds=2, patience=2), mods=mods, on_round=rounds.append)

    assert all((r.arrays["x"] == 0).all() and not r.parts for r in rounds)
    assert "too_few_clients" in {event.kind for event in rounds[0].events}


def test_who_was_gone_takes_part_again() -> None:
    clients, count = quadratics(5), [0]

    def mod(message: Message, context: Any, call_next: Any) -> Message:
        if partition_of(context) == 0 and message.content[RECORD][STAGE] == STAGES[2]:
            count[0] += 1
            if count[0] == 2:
                raise ConnectionError("gone")
        return call_next(message, context)

    found = run(clients, secured(rounds=3), mods=[mod, *secure_mods()])
    assert [len(r.parts) for r in found.rounds] == [5, 4, 5]


def test_a_client_that_diverged_is_left_out() -> None:
    """No one can look at a masked update: a NaN would become any number, in everyone's sum."""
    clients = quadratics(5)
    clients[0].goal = {"x": np.full(4, np.nan)}
    expected, off = mean_of(clients[1:])

    found = run(clients, secured(), mods=secure_mods(), initial={"x": np.zeros(4, np.float32)})

    assert np.abs(found.x - expected).max() <= off
    assert [(event.kind, event.client) for event in found.server.events] == [("dropped", "c0")]


SIZE = 4000


def everything_in(reply: Message) -> Iterator[np.ndarray]:
    """All numbers that a client sends: arrays, and bytes that hold one or can be read as some."""
    for record in reply.content.values() if reply.has_content() else ():
        if isinstance(record, ArrayRecord):
            yield from arrays_of(record).values()
        if isinstance(record, ConfigRecord):
            for value in record.values():
                for part in value if isinstance(value, list) else [value]:
                    if isinstance(part, bytes) and part.startswith(b"\x93NUMPY"):
                        yield bytes_to_ndarray(part)
                    elif isinstance(part, bytes) and len(part) >= 4 * SIZE:
                        yield np.frombuffer(part[: 4 * SIZE], np.float32)


def heard(privacy: Privacy, mods: list[Any]) -> list[float]:
    """|correlation| of every vector that the server received with its client's own update."""
    own: dict[int, np.ndarray] = {}
    got: list[tuple[int, np.ndarray]] = []

    def spy(message: Message, context: Any, call_next: Any) -> Message:
        sent = arrays_of(message.content["arrays"])["x"]
        reply = call_next(message, context)
        own[context.node_id] = arrays_of(reply.content["arrays"])["x"] - sent
        return reply

    def note(message: Message, reply: Message) -> None:
        got.extend((message.metadata.dst_node_id, value) for value in everything_in(reply))

    plan = plan_of(rounds=1, privacy=privacy, secure=SECURE)
    clients = [Drawn(f"c{i}") for i in range(5)]
    start = {"x": np.zeros(SIZE, np.float32)}
    run(clients, plan, mods=[*mods, spy], on_message=note, initial=start)
    vectors = [(node, v.ravel().astype(float)) for node, v in got if v.size == SIZE]
    assert len(vectors) == 5  # one of each client
    return [abs(float(np.corrcoef(v, own[node])[0, 1])) for node, v in vectors]


def test_what_the_server_receives_tells_nothing_of_a_client() -> None:
    # Correlation of independent vectors has a standard deviation of 1 / sqrt(4000) = 0.016.
    assert max(heard(MASKED, secure_mods())) < 0.08
    assert min(heard(Privacy("none"), [])) == pytest.approx(1.0)


def test_without_settings_it_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="secure aggregation needs `secure` settings"):
        run(quadratics(5), secured(secure=None), mods=secure_mods())


def test_more_clients_than_the_modulus_holds_are_refused():
    """2**32 over 2**22 levels is 1,024: one client more could wrap the sum around."""
    plan = Plan(
        rounds=1,
        seed=0,
        rate=0.1,
        strategy=StrategySettings("fedavg"),
        selection=Selection("random", 1.0, 2),
        privacy=Privacy("secure_aggregation"),
        secure=Secure(reach=1.0, threshold=2, most_examples=1),
    )
    Server(plan, blank(1, 2), clients=1024)
    with pytest.raises(ValueError, match="1025 clients: at 4194304 levels the sum holds 1024"):
        Server(plan, blank(1, 2), clients=1025)
