"""Devices in the field: how fast, how reachable, how reliable; and what a round would take there.

A Grid around another one. It decides from a seed which clients are away, which give up half-way and
how much of the work each manages, and keeps a clock that nothing here waits for:
seconds = bytes down / bandwidth + work / speed + bytes up / bandwidth.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from flwr.app import Error, Message
from flwr.serverapp import Grid

from models.federated.around import Around
from models.federated.arrays import sent_bytes
from models.federated.client import CONFIG
from models.federated.grid import TIMED_OUT
from models.federated.seeds import generator

GONE = 4
"""Error code of a client that is away, gave up or was too slow."""
TRAIN = "train"


@dataclass(frozen=True)
class Profile:
    """One client's device.

    Args:
        kind: mobile, desktop, edge or iot, or whatever the profile file calls it.
        examples_per_second: that it trains on.
        memory_mb: what training may take; a client with less than the model needs never takes part.
        up_mbps, down_mbps: bandwidth in megabits a second.
        availability: share of rounds in which it can be reached.
        dropout: share of rounds in which it gives up after it began.
    """

    kind: str
    examples_per_second: float
    memory_mb: float
    up_mbps: float
    down_mbps: float
    availability: float
    dropout: float


@dataclass(frozen=True)
class Stragglers:
    """What happens to those who would be late.

    Args:
        policy: wait for all; drop who is later than the deadline; or ask each for as much of the
            work as fits (partial).
        deadline_seconds: of a round, for drop and partial.
        least_share: of the work that is still worth asking for.
    """

    policy: Literal["wait", "drop", "partial"]
    deadline_seconds: float
    least_share: float = 0.1


@dataclass(frozen=True)
class Spent:
    """A client's part in a round in the field, in seconds and bytes."""

    round: int
    partition: int
    download: float
    work: float
    upload: float
    bytes_down: int
    bytes_up: int
    share: float
    outcome: str

    @property
    def seconds(self) -> float:
        return self.download + self.work + self.upload


class DeviceGrid(Around):
    """Clients with devices.

    Args:
        inner: reaches them.
        profiles: node to its device.
        partitions: node to its part of the data.
        examples: node to how many rows one round's whole work goes through.
        stragglers: what to do about slow ones.
        needs_mb: memory that training takes.
        seed: of every draw.
    """

    def __init__(
        self,
        inner: Grid,
        *,
        profiles: Mapping[int, Profile],
        partitions: Mapping[int, int],
        examples: Mapping[int, float],
        stragglers: Stragglers,
        needs_mb: float,
        seed: int,
    ) -> None:
        super().__init__(inner)
        self.profiles, self.partitions, self.examples = profiles, partitions, examples
        self.stragglers, self.needs_mb, self.seed = stragglers, needs_mb, seed
        self.spent: list[Spent] = []

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterator[Message]:
        """As the inner grid's, with errors from those whose devices fail; in the same order."""
        sent = list(messages)
        refused = {m.metadata.dst_node_id: why for m in sent if (why := self._before(m))}
        able = [m for m in sent if m.metadata.dst_node_id not in refused]
        replies = in_order(able, self.inner.send_and_receive(able, timeout=timeout))
        for message in sent:
            node = message.metadata.dst_node_id
            if node in refused:
                why = refused[node]
                self._note(message, None, why.split(":", 1)[0])
                yield Message(Error(code=GONE, reason=why), reply_to=message)
            else:
                yield self._after(message, next(replies))

    def reachable(self, node: int, round_: int) -> bool:
        """Whether a client answers in this round."""
        draw = generator(self.seed, "available", round_, self.partitions[node]).random()
        return bool(draw < self.profiles[node].availability)

    def _before(self, message: Message) -> str:
        """Why a client will not answer, or ""; sets how much of the work it is asked for."""
        if not _is_work(message):
            return ""
        node, round_ = message.metadata.dst_node_id, _round(message)
        profile = self.profiles[node]
        if profile.memory_mb < self.needs_mb:
            return (
                f"unavailable: {profile.memory_mb:g} MB of memory, {self.needs_mb:.0f} are needed"
            )
        draw = generator(self.seed, "dropout", round_, self.partitions[node]).random()
        if draw < profile.dropout:
            return "dropped: the device gave up before it was done"
        if self.stragglers.policy == "partial":
            share = self._share(message)
            if share < self.stragglers.least_share:
                return f"straggler: could do {share:.0%} of the work before the deadline"
            config = message.content[CONFIG]
            message.content[CONFIG] = type(config)({**config, "share": min(1.0, share)})
        return ""

    def _share(self, message: Message) -> float:
        """Of the whole work that fits, if as much goes up as came down."""
        profile = self.profiles[message.metadata.dst_node_id]
        size = sent_bytes(message.content)
        travel = _seconds(size, profile.down_mbps) + _seconds(size, profile.up_mbps)
        left = self.stragglers.deadline_seconds - travel
        return left * profile.examples_per_second / self.examples[message.metadata.dst_node_id]

    def _after(self, message: Message, reply: Message) -> Message:
        if not _is_work(message):
            return reply
        spent = self._note(message, reply, "error" if reply.has_error() else "taken")
        limit = self.stragglers.deadline_seconds
        if self.stragglers.policy == "drop" and spent.seconds > limit and not reply.has_error():
            self.spent[-1] = replace(spent, outcome="straggler")
            reason = f"straggler: {spent.seconds:.1f} s, the deadline is {limit:g} s"
            return Message(Error(code=GONE, reason=reason), reply_to=message)
        return reply

    def _note(self, message: Message, reply: Message | None, outcome: str) -> Spent:
        node = message.metadata.dst_node_id
        profile, down = self.profiles[node], sent_bytes(message.content)
        up = sent_bytes(reply.content) if reply is not None and reply.has_content() else 0
        share = float(message.content[CONFIG].get("share", 1.0)) if _is_work(message) else 0.0
        work = share * self.examples[node] / profile.examples_per_second if reply else 0.0
        spent = Spent(
            round=_round(message) if _is_work(message) else 0,
            partition=self.partitions[node],
            download=_seconds(down, profile.down_mbps),
            work=work,
            upload=_seconds(up, profile.up_mbps),
            bytes_down=down,
            bytes_up=up,
            share=share,
            outcome=outcome,
        )
        self.spent.append(spent)
        return spent


def in_order(messages: Iterable[Message], replies: Iterable[Message]) -> Iterator[Message]:
    """One reply a message, in the order of the messages; an error where none came.

    Keeps only what came too early: nothing, where replies come in order.
    """
    early: dict[int, Message] = {}
    source = iter(replies)
    for message in messages:
        node = message.metadata.dst_node_id
        while node not in early and (reply := next(source, None)) is not None:
            early[reply.metadata.src_node_id] = reply
        if node in early:
            yield early.pop(node)
        else:
            yield Message(Error(code=TIMED_OUT, reason="no answer in time"), reply_to=message)


def _is_work(message: Message) -> bool:
    return bool(message.metadata.message_type == TRAIN and CONFIG in message.content)


def _round(message: Message) -> int:
    return int(message.content[CONFIG]["server-round"])


def _seconds(size: int, mbps: float) -> float:
    return size * 8 / (mbps * 1e6)
