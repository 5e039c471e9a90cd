"""Grids around a grid: each changes one thing, such as which nodes it knows or how it waits."""

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flwr.app import Message
from flwr.serverapp import Grid
from flwr.supercore.run import Run

from models.federated.arrays import sent_bytes


class Around(Grid):
    """Passes everything on; the others change one thing each."""

    def __init__(self, inner: Grid) -> None:
        self.inner = inner

    def set_run(self, run: Run) -> None:
        self.inner.set_run(run)

    @property
    def run(self) -> Run:
        return self.inner.run

    def create_message(self, *args: object, **named: object) -> Message:
        return self.inner.create_message(*args, **named)

    def get_node_ids(self) -> Iterable[int]:
        return list(self.inner.get_node_ids())

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        return list(self.inner.push_messages(messages))

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        return list(self.inner.pull_messages(message_ids))

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        yield from self.inner.send_and_receive(messages, timeout=timeout)


class Only(Around):
    """Some of the nodes: a strategy that samples from it takes exactly those."""

    def __init__(self, inner: Grid, nodes: list[int]) -> None:
        super().__init__(inner)
        self.nodes = nodes

    def get_node_ids(self) -> Iterable[int]:
        return self.nodes


@dataclass
class Traffic:
    """Bytes of messages that went each way, as they were sent."""

    up: int = 0
    down: int = 0


class Counted(Around):
    """Counts what passes."""

    def __init__(self, inner: Grid, traffic: Traffic) -> None:
        super().__init__(inner)
        self.traffic = traffic

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterator[Message]:
        sent = list(messages)
        self.traffic.down += sum(sent_bytes(message.content) for message in sent)
        for reply in self.inner.send_and_receive(sent, timeout=timeout):
            if reply.has_content():
                self.traffic.up += sent_bytes(reply.content)
            yield reply


class StoppedError(Exception):
    """The run was stopped while a round waited for its clients."""


class Prompt(Around):
    """Hands replies on soon after they come.

    Args:
        inner: reaches the nodes.
        seconds: between looks; Flower's own grids take 0.1 to 3.
        in_turns: clients wait for each other. A timeout then counts from the last reply of any of
            them, as no one can tell from here when a client's turn began.
        stopped: once it is set, no one waits any longer.
    """

    def __init__(
        self,
        inner: Grid,
        seconds: float,
        *,
        in_turns: bool = False,
        stopped: threading.Event | None = None,
    ) -> None:
        super().__init__(inner)
        self.seconds, self.in_turns = seconds, in_turns
        self.stopped = stopped or threading.Event()

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterator[Message]:
        """Replies in the order in which they come; fewer than messages after the timeout.

        Raises:
            StoppedError: the run was stopped.
        """
        waiting, since = set(self.inner.push_messages(list(messages))), time.monotonic()
        while waiting:
            for reply in self.inner.pull_messages(waiting):
                waiting.discard(reply.metadata.reply_to_message_id)
                yield reply
                since = time.monotonic() if self.in_turns else since
            if not waiting or (timeout is not None and time.monotonic() - since > timeout):
                return
            if self.stopped.wait(self.seconds):
                raise StoppedError(f"{len(waiting)} clients had not answered")


class Listed(Around):
    """Answers with lists: Flower's older workflows read the replies twice."""

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        return list(self.inner.send_and_receive(messages, timeout=timeout))
