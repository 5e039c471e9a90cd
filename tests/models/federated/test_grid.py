"""The grid in this process: order, threads, errors, timeouts, what clients keep."""

import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from flwr.app import (
    ArrayRecord,
    ConfigRecord,
    Context,
    Error,
    Message,
    MetricRecord,
    RecordDict,
)
from flwr.clientapp import ClientApp
from flwr.common.constant import ErrorCode

from models.federated.arrays import flat
from models.federated.grid import FIRST_NODE, TIMED_OUT, UNKNOWN, LocalGrid
from models.federated.screen import RefusedError, Screen
from tests.conftest import PROJECT
from tests.models.federated.conftest import Drawn, plan_of, run


def app_of(answer: Any, mods: list[Any] | None = None) -> ClientApp:
    app = ClientApp()

    @app.train(mods=mods or [])
    def train(message: Message, context: Context) -> Message:
        return Message(answer(message, context), reply_to=message)

    return app


def told(message: Message, context: Context) -> RecordDict:
    """Answers with its own number and what it was sent."""
    given = {name: float(record["n"]) for name, record in message.content.config_records.items()}
    me = float(context.node_config["partition-id"])
    return RecordDict({"m": MetricRecord({"me": me, **given})})


def ask(grid: LocalGrid, clients: int, content: RecordDict | None = None, **more: Any) -> list[Any]:
    content = content or RecordDict()
    messages = [Message(content, FIRST_NODE + i, "train") for i in range(clients)]
    return list(grid.send_and_receive(messages, **more))


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("timeout", [None, 60.0])
@pytest.mark.parametrize("clients", [1, 7, 200])
def test_replies_come_in_the_order_of_the_messages(
    workers: int, timeout: float | None, clients: int
) -> None:
    replies = ask(LocalGrid(app_of(told), clients, workers=workers), clients, timeout=timeout)

    assert [reply.content["m"]["me"] for reply in replies] == list(range(clients))
    assert [reply.metadata.src_node_id for reply in replies] == [
        FIRST_NODE + i for i in range(clients)
    ]


@pytest.mark.parametrize("strategy", ["fedavg", "scaffold", "median"])
def test_as_many_workers_as_one_likes_the_same_bytes(strategy: str) -> None:
    initial = {"w": np.zeros((3, 5), np.float32), "b": np.zeros(5, np.float32)}
    clients = [Drawn(f"c{i}", examples=i + 1) for i in range(9)]
    found = [
        run(clients, plan_of(strategy), initial=initial, workers=workers) for workers in (1, 2, 4)
    ]
    first = flat(found[0].server.arrays)
    assert np.abs(first).min() > 0
    for other in found[1:]:
        assert flat(other.server.arrays).tobytes() == first.tobytes()
        assert [r.parts for r in other.rounds] == [r.parts for r in found[0].rounds]


def test_messages_are_taken_as_workers_need_them() -> None:
    """A thousand messages are not all made before the first reply is read."""
    made: list[int] = []

    def messages() -> Any:
        for i in range(1000):
            made.append(i)
            yield Message(RecordDict(), FIRST_NODE + i, "train")

    replies = LocalGrid(app_of(told), 1000, workers=2).send_and_receive(messages())
    next(iter(replies))
    assert len(made) <= 4


def test_a_client_that_raises_answers_with_an_error() -> None:
    def answer(message: Message, context: Context) -> RecordDict:
        if context.node_config["partition-id"] == 1:
            raise ArithmeticError("seven")
        return told(message, context)

    for workers in (1, 2):
        replies = ask(LocalGrid(app_of(answer), 3, workers=workers), 3)
        assert [reply.has_error() for reply in replies] == [False, True, False]
        assert replies[1].error.code == UNKNOWN
        assert "ArithmeticError" in replies[1].error.reason
        assert "seven" in replies[1].error.reason
        assert replies[1].metadata.src_node_id == FIRST_NODE + 1


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_clients_that_hang_time_out_and_the_others_answer(workers: int) -> None:
    forever = threading.Event()

    def answer(message: Message, context: Context) -> RecordDict:
        if context.node_config["partition-id"] in (1, 2):
            forever.wait()
        return told(message, context)

    grid = LocalGrid(app_of(answer), 6, workers=workers)
    replies = ask(grid, 6, timeout=0.5)
    again = ask(grid, 6, timeout=0.5)
    forever.set()

    for found in (replies, again):
        assert [reply.has_error() for reply in found] == [False, True, True, False, False, False]
        assert {reply.error.code for reply in found[1:3]} == {TIMED_OUT}
        assert found[1].error.reason == "no answer within 0.5 s"


HANGING = """
import threading
from flwr.app import Message, RecordDict
from flwr.clientapp import ClientApp
from models.federated.grid import FIRST_NODE, LocalGrid
app = ClientApp()
@app.train()
def train(message, context):
    threading.Event().wait()
grid = LocalGrid(app, 2)
messages = [Message(RecordDict(), FIRST_NODE + i, "train") for i in range(2)]
print([r.error.code for r in grid.send_and_receive(messages, timeout=0.2)])
"""


def test_a_process_with_hanging_clients_can_exit() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == f"[{TIMED_OUT}, {TIMED_OUT}]"


def test_mods_that_take_keys_out_leave_other_clients_theirs() -> None:
    def greedy(message: Message, context: Context, call_next: Any) -> Message:
        del message.content["one"]["n"]
        message.content["one"]["n"] = 100.0 + float(context.node_config["partition-id"])
        del message.content["arrays"]
        message.content["own"] = ConfigRecord({"n": 1.0})
        return call_next(message, context)

    shared = RecordDict({"one": ConfigRecord({"n": 1.0}), "arrays": ArrayRecord()})
    replies = ask(LocalGrid(app_of(told, [greedy]), 3), 3, shared)

    assert [reply.content["m"]["one"] for reply in replies] == [100, 101, 102]
    assert set(shared) == {"one", "arrays"}
    assert shared["one"] == {"n": 1.0}


@pytest.mark.parametrize("workers", [1, 2])
def test_each_client_keeps_its_own_state(workers: int) -> None:
    def count(message: Message, context: Context) -> RecordDict:
        me = int(context.node_config["partition-id"])
        seen = int(context.state["seen"]["n"]) if "seen" in context.state else 10 * me
        context.state["seen"] = ConfigRecord({"n": seen + 1})
        return RecordDict({"m": MetricRecord({"n": seen})})

    grid = LocalGrid(app_of(count), 3, workers=workers)
    told = [[reply.content["m"]["n"] for reply in ask(grid, 3)] for _ in range(3)]

    assert told == [[0, 10, 20], [1, 11, 21], [2, 12, 22]]
    assert {node: state["seen"]["n"] for node, state in grid.states.items()} == {
        FIRST_NODE: 3,
        FIRST_NODE + 1: 13,
        FIRST_NODE + 2: 23,
    }


def test_pushed_messages_can_be_pulled_once() -> None:
    grid = LocalGrid(app_of(told), 2)
    names = grid.push_messages([Message(RecordDict(), FIRST_NODE + i, "train") for i in range(2)])

    assert [reply.content["m"]["me"] for reply in grid.pull_messages(names)] == [0, 1]
    assert grid.pull_messages(names) == []


def test_a_client_that_raised_elsewhere_is_not_taken_for_one_that_was_late() -> None:
    """Flower's codes: https://flower.ai/docs/framework/ref-api/flwr.common.Error.html."""
    flowers = {v for v in vars(ErrorCode).values() if isinstance(v, int)}
    assert ErrorCode.CLIENT_APP_RAISED_EXCEPTION in flowers
    assert TIMED_OUT not in flowers
    asked = Message(RecordDict(), FIRST_NODE, "train")
    error = Error(code=ErrorCode.CLIENT_APP_RAISED_EXCEPTION, reason="out of memory")
    with pytest.raises(RefusedError) as refused:
        Screen({}).arrived(Message(error, reply_to=asked), round_=1, client="c0", still=1)
    assert refused.value.kind == "client_error"
