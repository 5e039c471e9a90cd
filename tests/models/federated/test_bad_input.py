"""What clients may send that they should not: each ends in a named event, and the run goes on."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from models.federated.arrays import record_of
from models.federated.client import ABOUT, ARRAYS, CONFIG, CONTROL, METRICS, partition_of
from models.federated.codec import Codec
from models.federated.plan import StalledError
from models.federated.selection import Selection
from models.federated.traffic import traffic_mod
from tests.models.federated.conftest import Outcome, after, plan_of, quadratics, run

CLIENTS, ROUNDS, RATE = 5, 3, 0.1


def bad(change: Callable[[RecordDict], Any], *, round_: int = 2, who: tuple[int, ...] = (0,)):
    """A mod that spoils what some clients send in one round."""

    def mod(message: Message, context: Any, call_next: Any) -> Message:
        number = int(message.content[CONFIG]["server-round"])
        reply = call_next(message, context)
        if number == round_ and partition_of(context) in who:
            change(reply.content)
        return reply

    return mod


def arrays(**named: Any) -> Callable[[RecordDict], None]:
    def change(content: RecordDict) -> None:
        content[ARRAYS] = record_of({name: np.asarray(value) for name, value in named.items()})

    return change


def told(name: str, value: Any) -> Callable[[RecordDict], None]:
    def change(content: RecordDict) -> None:
        content[METRICS][name] = value

    return change


def without(*path: str) -> Callable[[RecordDict], None]:
    def change(content: RecordDict) -> None:
        del (content[path[0]] if len(path) > 1 else content)[path[-1]]

    return change


def put(record: str, value: Any) -> Callable[[RecordDict], None]:
    def change(content: RecordDict) -> None:
        content[record] = value

    return change


def broken_array(**fields: Any) -> ArrayRecord:
    given = {"dtype": "float32", "shape": (4,), "stype": "numpy.ndarray", "data": b"not an array"}
    return ArrayRecord({"x": Array(**{**given, **fields})})


NAN, FOUR = float("nan"), np.ones(4, np.float32)
CASES: dict[str, tuple[Callable[[RecordDict], Any], str]] = {
    "NaN": (arrays(x=FOUR * NAN), "not_finite"),
    "infinite": (arrays(x=FOUR * np.float32(np.inf)), "not_finite"),
    "wrong shape": (arrays(x=np.ones(5, np.float32)), "wrong_shape"),
    "a scalar": (arrays(x=np.float32(1)), "wrong_shape"),
    "other name": (arrays(y=FOUR), "wrong_shape"),
    "name too many": (arrays(x=FOUR, y=FOUR), "wrong_shape"),
    "texts": (arrays(x=np.array(["a", "b", "c", "d"])), "wrong_shape"),
    "complex numbers": (arrays(x=FOUR * 1j), "wrong_shape"),
    "bytes that are no array": (put(ARRAYS, broken_array()), "wrong_shape"),
    "unknown serialisation": (put(ARRAYS, broken_array(stype="pickle")), "wrong_shape"),
    "empty arrays": (arrays(), "empty_update"),
    "no arrays": (without(ARRAYS), "empty_update"),
    "arrays are figures": (put(ARRAYS, MetricRecord({"x": 1.0})), "empty_update"),
    "no examples": (told("num-examples", 0), "empty_update"),
    "fewer than none": (told("num-examples", -3), "empty_update"),
    "NaN examples": (told("num-examples", NAN), "empty_update"),
    "infinite examples": (told("num-examples", float("inf")), "empty_update"),
    "list of examples": (told("num-examples", [1, 2]), "empty_update"),
    "examples not told": (without(METRICS, "num-examples"), "empty_update"),
    "NaN loss": (told("train_loss", NAN), "not_finite"),
    "list of losses": (told("train_loss", [1.0, 2.0]), "client_error"),
    "no steps": (told("steps", 0.0), "client_error"),
    "negative steps": (told("steps", -1.0), "client_error"),
    "steps not told": (without(METRICS, "steps"), "client_error"),
    "no metrics": (without(METRICS), "client_error"),
    "metrics are settings": (put(METRICS, ConfigRecord({"num-examples": 1})), "client_error"),
    "says nothing about itself": (without(ABOUT), "client_error"),
    "does not say which round": (without(ABOUT, "round"), "client_error"),
    "round is a text": (put(ABOUT, ConfigRecord({"round": "two"})), "client_error"),
    "about is figures": (put(ABOUT, MetricRecord({"round": [2]})), "client_error"),
    "old round": (put(ABOUT, ConfigRecord({"round": 1})), "old_round"),
    "round to come": (put(ABOUT, ConfigRecord({"round": 3})), "old_round"),
    "100 MB": (arrays(x=np.zeros(25 << 20, np.float32)), "too_large"),
    "100 MB beside it": (put("more", record_of({"x": np.zeros(25 << 20, np.int8)})), "too_large"),
    "100 MB of bytes": (put("more", ConfigRecord({"x": bytes(100 << 20)})), "too_large"),
    "arrays too many": (put("more", record_of({"x": FOUR})), "client_error"),
    "figures too many": (put("more", MetricRecord({"num-examples": 9})), "client_error"),
}


def expected(absent: dict[int, set[int]], rounds: int = ROUNDS) -> np.ndarray:
    """FedAvg (McMahan et al. 2017) without those who are absent, from the clients' closed form."""
    x = np.zeros(4)
    for number in range(1, rounds + 1):
        here = [c for i, c in enumerate(quadratics(CLIENTS)) if i not in absent.get(number, ())]
        weights = np.array([c.examples for c in here], float)
        x = weights @ np.stack([after(x, c, rate=RATE) for c in here]) / weights.sum()
    return x


@pytest.mark.parametrize("case", CASES)
def test_a_bad_update_costs_its_client_the_round_and_no_one_else(case: str) -> None:
    change, kind = CASES[case]

    found = run(quadratics(CLIENTS), plan_of(rounds=ROUNDS, rate=RATE), mods=[bad(change)])

    assert [(e.kind, e.round, e.client) for e in found.server.events] == [(kind, 2, "c0")]
    assert found.server.events[0].detail
    assert [len(r.parts) for r in found.rounds] == [5, 4, 5]
    np.testing.assert_allclose(found.x, expected({2: {0}}), rtol=1e-5, atol=1e-6)


STRUCTURAL = [name for name, (_, kind) in CASES.items() if kind in ("client_error", "wrong_shape")]


@pytest.mark.parametrize("strategy", ["scaffold", "fednova", "median", "multi_krum", "bulyan"])
def test_nor_does_it_stop_strategies_that_look_at_every_update(strategy: str) -> None:
    """Flower's own refuse a whole round if one reply's records or names differ from the others'."""
    extra = {"figure too many": (told("evil", 1.0), ""), **CASES}
    for case in ["figure too many", *STRUCTURAL, "NaN", "no arrays"]:
        change, kind = extra[case]
        plan = plan_of(strategy, rounds=2, settings={"malicious": 0, "selected": 3})
        found = run(quadratics(CLIENTS), plan, mods=[bad(change)])
        assert found.kinds == ([kind] if kind else []), case
        assert [len(r.parts) for r in found.rounds] == [5, 4 if kind else 5], case


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (without(CONTROL), "client_error"),
        (lambda c: put(CONTROL, record_of({"x": FOUR * NAN}))(c), "not_finite"),
        (lambda c: put(CONTROL, record_of({"x": np.ones(3)}))(c), "wrong_shape"),
        (put(CONTROL, MetricRecord({"x": 1.0})), "client_error"),
    ],
    ids=["none", "NaN", "shape", "figures"],
)
def test_a_bad_control_variate(change: Any, kind: str) -> None:
    found = run(quadratics(CLIENTS), plan_of("scaffold", rounds=2), mods=[bad(change)])

    assert found.kinds == [kind]
    assert [len(r.parts) for r in found.rounds] == [5, 4]


ENCODED = {
    "garbage": {"bits": np.arange(9)},
    "steps only": {"steps": np.ones(4, np.int8)},
    "too short": {"steps": np.ones(2, np.int8), "scale": np.ones(1, np.float32)},
    "too long": {"steps": np.ones(9, np.int8), "scale": np.ones(1, np.float32)},
    "no scales": {"steps": np.ones(4, np.int8), "scale": np.ones(0, np.float32)},
    "texts": {"steps": np.array(["a"] * 4), "scale": np.ones(1, np.float32)},
    "places outside": {
        "gaps": np.full(4, 60_000, np.uint16),
        "steps": np.ones(4, np.int8),
        "scale": np.ones(1, np.float32),
    },
    "fewer places than values": {
        "gaps": np.zeros(1, np.uint16),
        "steps": np.ones(4, np.int8),
        "scale": np.ones(1, np.float32),
    },
    "a factor without the other": {"left/x": np.ones((4, 1), np.float16)},
    "a flat factor": {"left/x": np.ones(4, np.float16), "right/x": np.ones(4, np.float32)},
    "dense": {"x": np.ones(4, np.float32)},
}


@pytest.mark.parametrize("codec", [Codec("int8"), Codec("top_k", 0.5), Codec("low_rank", rank=1)])
@pytest.mark.parametrize("case", ENCODED)
def test_garbage_instead_of_an_encoded_update(case: str, codec: Codec) -> None:
    if codec.name != "top_k" and case.endswith(("outside", "than values")):
        pytest.skip("others do not look at places")
    if codec.name == "low_rank" and case == "too long":
        pytest.skip("takes what it needs")
    mods = [bad(arrays(**ENCODED[case])), traffic_mod(codec, Codec("none"))]

    found = run(quadratics(CLIENTS), plan_of(upload=codec, rounds=2), mods=mods)

    assert found.kinds == ["wrong_shape"]
    assert found.server.events[0].client == "c0"
    assert [len(r.parts) for r in found.rounds] == [5, 4]


@pytest.mark.parametrize("case", ["NaN", "no arrays", "bytes that are no array", "100 MB"])
def test_bad_updates_under_codecs_both_ways(case: str) -> None:
    codec = Codec("int8")
    mods = [bad(CASES[case][0]), traffic_mod(codec, codec)]

    found = run(quadratics(CLIENTS), plan_of(upload=codec, download=codec, rounds=3), mods=mods)

    assert len(found.kinds) == 1
    assert [len(r.parts) for r in found.rounds] == [5, 4, 5]


def test_nan_scales_are_found_after_decoding() -> None:
    codec = Codec("int8")
    scale = np.full(1, np.nan, np.float32)
    change = arrays(steps=np.ones(4, np.int8), scale=scale)
    mods = [bad(change), traffic_mod(codec, Codec("none"))]

    assert run(quadratics(CLIENTS), plan_of(upload=codec), mods=mods).kinds == ["not_finite"]


def repeat(*, relabel: bool) -> Any:
    """A mod: client 0 sends in round 3 what it sent in round 1."""
    kept: list[Message] = []

    def mod(message: Message, context: Any, call_next: Any) -> Message:
        reply = call_next(message, context)
        number = int(message.content[CONFIG]["server-round"])
        if partition_of(context) == 0 and number == 1:
            kept.append(reply.content.copy())
        if partition_of(context) == 0 and number == 3:
            for name, record in kept[0].items():
                reply.content[name] = record
            if relabel:
                reply.content[ABOUT] = ConfigRecord({"round": 3})
        return reply

    return mod


@pytest.mark.parametrize(("relabel", "kind"), [(False, "old_round"), (True, "duplicate_update")])
def test_the_same_update_twice(relabel: bool, kind: str) -> None:
    plan = plan_of(rounds=ROUNDS, rate=RATE)
    found = run(quadratics(CLIENTS), plan, mods=[repeat(relabel=relabel)])

    assert [(e.kind, e.round, e.client) for e in found.server.events] == [(kind, 3, "c0")]
    np.testing.assert_allclose(found.x, expected({3: {0}}), rtol=1e-5, atol=1e-6)


def test_the_update_of_another_client_is_not_taken_twice() -> None:
    """A free rider that sends what client 0 sent: its content is copied in the same round."""
    kept: list[Any] = []

    def mod(message: Message, context: Any, call_next: Any) -> Message:
        reply = call_next(message, context)
        if partition_of(context) == 0:
            kept.append(reply.content[ARRAYS])
        if partition_of(context) == 1:
            reply.content[ARRAYS] = kept[-1]
        return reply

    found = run(quadratics(CLIENTS), plan_of(rounds=1), mods=[mod])
    assert [(e.kind, e.client) for e in found.server.events] == [("duplicate_update", "c1")]
    assert "from c0 in round 1" in found.server.events[0].detail


def test_who_stands_still_may_say_the_same_again() -> None:
    """At the optimum every client comes to the same update in every round: that is no replay."""
    clients = quadratics(1)
    start = {"x": clients[0].goal["x"].astype(np.float32)}
    clients[0].goal = {"x": start["x"].astype(np.float64)}

    found = run(clients, plan_of(rounds=6), initial=start)

    assert found.kinds == []
    assert [r.parts[0].client for r in found.rounds] == ["c0"] * 6


def test_an_error_is_told_with_its_reason() -> None:
    clients = quadratics(CLIENTS)
    clients[0].goal = {}  # training looks up the goal

    found = run(clients, plan_of(rounds=1), initial={"x": np.zeros(4, np.float32)})

    assert found.kinds == ["client_error"]
    assert "KeyError" in found.server.events[0].detail
    assert len(found.rounds[0].parts) == 4


def test_a_client_that_hangs_times_out_and_the_run_goes_on() -> None:
    forever = threading.Event()

    def mod(message: Message, context: Any, call_next: Any) -> Message:
        if partition_of(context) == 0 and int(message.content[CONFIG]["server-round"]) == 2:
            forever.wait()
        return call_next(message, context)

    plan = plan_of(rounds=ROUNDS, rate=RATE, timeout=0.5)
    found = run(quadratics(CLIENTS), plan, mods=[mod])
    forever.set()

    assert [(e.kind, e.round, e.client) for e in found.server.events] == [("timeout", 2, "c0")]
    np.testing.assert_allclose(found.x, expected({2: {0}}), rtol=1e-5, atol=1e-6)


def test_too_few_good_updates_leave_the_weights_alone_and_patience_ends() -> None:
    plan = plan_of(rounds=9, selection=Selection("random", 1.0, 4), patience=3)
    mods = [bad(arrays(x=FOUR * NAN), round_=number, who=(0, 1)) for number in range(2, 9)]
    rounds: list[Any] = []

    with pytest.raises(StalledError, match="3 rounds in a row came to nothing") as caught:
        run(quadratics(CLIENTS), plan, mods=mods, on_round=rounds.append)

    assert "3 good updates, 4 are needed" in str(caught.value)
    assert [r.number for r in rounds] == [1, 2, 3, 4]
    assert [len(r.parts) for r in rounds] == [5, 0, 0, 0]
    for later in rounds[1:]:
        np.testing.assert_array_equal(later.arrays["x"], rounds[0].arrays["x"])


def test_one_good_round_resets_patience() -> None:
    plan = plan_of(rounds=7, selection=Selection("random", 1.0, 5), patience=3)
    mods = [bad(arrays(x=FOUR * NAN), round_=number) for number in (2, 3, 5, 6)]

    assert run(quadratics(CLIENTS), plan, mods=mods).server.progress.round == 7


@pytest.mark.parametrize("strategy", ["krum", "multi_krum", "bulyan"])
def test_robust_strategies_want_their_number_of_good_updates(strategy: str) -> None:
    """7 clients allow Krum f = 2 (2f + 3) and Bulyan f = 1 (4f + 3); with one lost, neither."""
    settings = {"malicious": 1 if strategy == "bulyan" else 2}
    plan = plan_of(strategy, rounds=2, settings=settings)
    found = run(quadratics(7), plan, mods=[bad(arrays(x=FOUR * NAN))])

    assert found.kinds == ["not_finite", "too_few_clients"]
    np.testing.assert_array_equal(found.rounds[1].arrays["x"], found.rounds[0].arrays["x"])


def introduced(about: dict[int, Any]) -> Callable[[], Outcome]:
    """A run in which some clients introduce themselves otherwise than they should."""

    def go() -> Outcome:
        from models.federated.around import Around

        class Posing(Around):
            def send_and_receive(self, messages: Any, *, timeout: Any = None) -> Any:
                for reply in self.inner.send_and_receive(messages, timeout=timeout):
                    node = reply.metadata.src_node_id - 100
                    if reply.metadata.message_type == "query" and node in about:
                        reply.content[ABOUT] = about[node]
                    yield reply

        plan = plan_of(rounds=2, rate=RATE)
        return run(quadratics(CLIENTS), plan, around=Posing)

    return go


def test_two_nodes_with_one_identity_are_both_left_out() -> None:
    posing = ConfigRecord({"partition": 1, "name": "c1", "examples": 3})

    found = introduced({0: posing})()

    assert set(found.kinds) == {"duplicate_identity"}
    assert "2 nodes claim partition 1" in found.server.events[0].detail
    assert {p.client for r in found.rounds for p in r.parts} == {"c2", "c3", "c4"}
    np.testing.assert_allclose(found.x, expected({1: {0, 1}, 2: {0, 1}}, 2), rtol=1e-5)


@pytest.mark.parametrize(
    "about",
    [
        ConfigRecord({}),
        ConfigRecord({"partition": "zero", "name": "c0", "examples": 1}),
        ConfigRecord({"partition": -1, "name": "c0", "examples": 1}),
        MetricRecord({"partition": [0, 1]}),
    ],
    ids=["empty", "text", "negative", "list"],
)
def test_who_cannot_introduce_itself_is_left_out(about: Any) -> None:
    found = introduced({0: about})()

    assert set(found.kinds) == {"client_error"}
    assert {p.client for r in found.rounds for p in r.parts} == {"c1", "c2", "c3", "c4"}
