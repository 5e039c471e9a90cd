"""A Grid inside this process: unmodified ClientApps and strategies, without Ray or sockets.

The only file that touches Flower's internals (TaskIdentity, which Message() reads, and Run); flwr
is pinned for their sake. Replies come in the order of the messages, one after the other as they are
asked for, so that a thousand clients need no more memory than the few that are at work.
"""

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

FIRST_NODE = 100
"""Id of the first client's node; the server is 1."""

UNKNOWN, TIMED_OUT = 0, 100
"""Error codes of a reply: the client app raised, or did not answer in time. Flower has none for the
latter, and uses those up to 8 for other things: 2 is a client that raised on a SuperNode."""


class LocalGrid(Grid):
    """Clients in worker threads.

    Args:
        app: what every client runs.
        clients: how many there are; client i has partition-id i.
        workers: clients at work at the same time. Each trains on one core: torch must be set to
            one thread, or the result depends on the machine.
        on_message: told of every message and its reply; for tests that look at what travels.
    """

    def __init__(
        self,
        app: ClientApp,
        clients: int,
        *,
        workers: int = 1,
        on_message: Callable[[Message, Message], None] | None = None,
    ) -> None:
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
        self.app, self.clients, self.workers = app, clients, workers
        self.states: dict[int, RecordDict] = {}
        self._on_message = on_message
        self._run = Run.create_empty(run_id=1)
        self._box: dict[str, Message] = {}

    def set_run(self, run: Run) -> None:
        self._run = run

    @property
    def run(self) -> Run:
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> list[int]:
        return [FIRST_NODE + client for client in range(self.clients)]

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        pushed = list(messages)
        for message, reply in zip(pushed, self.send_and_receive(pushed), strict=True):
            self._box[message.metadata.message_id] = reply
        return [message.metadata.message_id for message in pushed]

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        return [self._box.pop(name) for name in list(message_ids) if name in self._box]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterator[Message]:
        """Replies in the order of the messages, each as soon as it is asked for and there.

        A client that takes longer than `timeout` seconds is given up: its reply is an error.
        """
        if self.workers == 1 and timeout is None:
            yield from map(self._answer, messages)
            return
        yield from _in_threads(self._answer, messages, self.workers, timeout)

    def _answer(self, message: Message) -> Message:
        _mark(message)
        node = message.metadata.dst_node_id
        context = Context(
            run_id=1,
            node_id=node,
            node_config={"partition-id": node - FIRST_NODE, "num-partitions": self.clients},
            state=self.states[node] if node in self.states else RecordDict(),
            run_config={},
        )
        try:
            reply = self.app(_own_copy(message), context)
        except Exception as error:  # whatever a client's code raises is its answer
            reply = Message(
                Error(code=UNKNOWN, reason=f"{type(error).__name__}: {error}"), reply_to=message
            )
        if len(context.state):
            self.states[node] = context.state
        if self._on_message:
            self._on_message(message, reply)
        return reply


def _mark(message: Message) -> None:
    message.metadata.__dict__["_message_id"] = str(uuid.uuid4())


def _own_copy(message: Message) -> Message:
    """Records of its own for one client: mods take keys out in place, and others share them."""
    content = RecordDict({str(name): record.copy() for name, record in message.content.items()})
    return Message(content=content, metadata=message.metadata)


class _Job:
    def __init__(self, message: Message) -> None:
        self.message = message
        self.reply: Message | None = None
        self.started, self.done = threading.Event(), threading.Event()


def _in_threads(
    answer: Callable[[Message], Message],
    messages: Iterable[Message],
    workers: int,
    timeout: float | None,
) -> Iterator[Message]:
    """Daemon threads: one that never comes back is left behind, and does not hold up the exit."""
    inbox: SimpleQueue[_Job | None] = SimpleQueue()

    def work() -> None:
        while (job := inbox.get()) is not None:
            job.started.set()
            job.reply = answer(job.message)
            job.done.set()

    def hire() -> None:
        threading.Thread(target=work, daemon=True, name="federated-client").start()

    for _ in range(workers):
        hire()
    waiting: deque[_Job] = deque()
    source = iter(messages)
    try:
        while True:
            while len(waiting) < 2 * workers and (message := next(source, None)) is not None:
                waiting.append(_Job(message))
                inbox.put(waiting[-1])
            if not waiting:
                return
            job = waiting.popleft()
            if not _wait(job, timeout):
                hire()  # in place of the one that hangs
                reason = f"no answer within {timeout:g} s"
                yield Message(Error(code=TIMED_OUT, reason=reason), reply_to=job.message)
                continue
            assert job.reply is not None  # noqa: S101  # set before `done`
            yield job.reply
    finally:
        for _ in range(workers):
            inbox.put(None)


def _wait(job: _Job, timeout: float | None) -> bool:
    """Whether it was done in time, counted from when a worker took it."""
    job.started.wait()
    started = time.monotonic()
    return job.done.wait(
        None if timeout is None else max(0.0, timeout - (time.monotonic() - started))
    )
