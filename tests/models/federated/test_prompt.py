"""A grid that hands replies on soon: how long it waits, and how it is stopped."""

import threading
from collections.abc import Iterable

import pytest
from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid

from models.federated import around
from models.federated.around import Around, Prompt, StoppedError
from models.federated.grid import FIRST_NODE, LocalGrid

CLIENTS = 5
LOOK = 1.0


class Clock(threading.Event):
    """Time that passes only while someone waits; stopped at a given one, if any."""

    def __init__(self, stop: float = float("inf")) -> None:
        super().__init__()
        self.now, self.stop = 0.0, stop

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.now >= self.stop

    def monotonic(self) -> float:
        return self.now


class OneByOne(Around):
    """A reply every third look, as from clients that wait for each other."""

    looks = 0

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        self.looks += 1
        return (
            [] if self.looks % 3 else list(self.inner.pull_messages(sorted(set(message_ids))[:1]))
        )


def ask(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, *, timeout: float | None, in_turns: bool = False
) -> list[Message]:
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        del context
        return Message(RecordDict(), reply_to=message)

    monkeypatch.setattr(around, "time", clock)
    inner: Grid = OneByOne(LocalGrid(app, CLIENTS))
    grid = Prompt(inner, LOOK, in_turns=in_turns, stopped=clock)
    messages = [Message(RecordDict(), FIRST_NODE + i, "train") for i in range(CLIENTS)]
    return list(grid.send_and_receive(messages, timeout=timeout))


@pytest.mark.parametrize(
    ("timeout", "in_turns", "replies"),
    [
        (None, False, CLIENTS),
        (6.5, False, 2),  # they come after 2, 5, 8, 11 and 14 seconds
        (20.0, False, CLIENTS),
        (3.5, True, CLIENTS),  # never more than 3 seconds from one to the next
        (1.5, True, 1),  # at the look after the timeout; the next one is later
        (0.5, True, 0),
    ],
)
def test_a_timeout_counts_from_the_start_or_from_the_last_reply(
    monkeypatch: pytest.MonkeyPatch, timeout: float | None, in_turns: bool, replies: int
) -> None:
    found = ask(monkeypatch, Clock(), timeout=timeout, in_turns=in_turns)
    assert len({reply.metadata.src_node_id for reply in found}) == len(found) == replies


def test_whoever_waits_is_told_that_the_run_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoppedError, match="3 clients had not answered"):
        ask(monkeypatch, Clock(stop=6.0), timeout=None)
