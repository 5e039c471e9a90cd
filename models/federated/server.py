"""The server's side of a run: round after round, one that can stop after any and go on.

The same loop in process, in Ray and behind a SuperLink: it sees a Grid and not what is behind it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from flwr.app import ConfigRecord, Message, MessageType, MetricRecord, RecordDict
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.exception import AggregationError, InconsistentMessageReplies

from models.federated.accountant import Accountant, BudgetSpentError
from models.federated.around import Counted, Only, Traffic
from models.federated.arrays import Arrays, add, arrays_of, norm, record_of, subtract
from models.federated.client import ABOUT, ARRAYS, CONTROL, METRICS
from models.federated.codec import decode
from models.federated.devices import in_order
from models.federated.downlink import Downlink
from models.federated.events import Event, Kind
from models.federated.facts import Facts
from models.federated.fold import WEIGHT, fold
from models.federated.noise import BELOW, CentralNoise, source_of
from models.federated.plan import Part, Plan, Progress, Round, StalledError
from models.federated.screen import RefusedError, Screen, readable
from models.federated.secure import MODULUS, aggregate
from models.federated.selection import Known, select
from models.federated.strategies import STRATEGIES, build_strategy


class Server:
    """Rounds over a Grid.

    Args:
        plan: how.
        initial: weights to start from.
        clients: size of the whole federation, N.
        on_round: called after every round, in order; what `memory` gives then is enough to go on.
        reachable: whether a node can be reached in a round; simulated devices say so.

    `decided` holds the table of solvers of the newest round, where clients are chosen by QUBO.
    """

    def __init__(
        self,
        plan: Plan,
        initial: Arrays,
        *,
        clients: int,
        on_round: Callable[[Round], None] = lambda _: None,
        reachable: Callable[[int, int], bool] = lambda *_: True,
    ) -> None:
        self.plan, self.arrays, self.clients = plan, initial, clients
        self.on_round, self.reachable = on_round, reachable
        self.kind = STRATEGIES[plan.strategy.name]
        self.strategy = build_strategy(plan.strategy, clients=clients)
        if plan.secure is not None and clients > (most := MODULUS // plan.secure.levels):
            raise ValueError(
                f"secure aggregation of {clients} clients: at {plan.secure.levels} levels the sum "
                f"holds {most} before it overflows; take fewer clients or fewer levels"
            )
        self.screen = Screen(initial, control=self.kind.records > 1)
        self.downlink = Downlink(plan.download)
        self.progress = Progress()
        self.known: dict[int, Known] = {}
        self.events: list[Event] = []
        self.decided: list[dict[str, Any]] = []
        source = source_of(plan.privacy, plan.seed)
        expected = max(1.0, plan.selection.fraction * clients)
        self.central = (
            CentralNoise(plan.privacy, source, expected)
            if plan.privacy.level == "central_dp"
            else None
        )
        # The draw protects from those who do not know it: elsewhere the server itself is the risk.
        drawn = plan.selection.poisson and self.central is not None
        sampled = plan.selection.fraction if drawn else 1.0
        self.accountant = Accountant(plan.privacy, sampled) if plan.privacy.noisy else None

    def app(self) -> ServerApp:
        """As Flower starts it in Ray and on a SuperLink."""
        app = ServerApp()

        @app.main()
        def main(grid: Grid, context: Any) -> None:
            del context
            self.run(grid)

        return app

    def run(self, grid: Grid) -> None:
        """Rounds until all are done or the budget is spent.

        Raises:
            StalledError: `patience` rounds in a row came to nothing.
        """
        while self.progress.round < self.plan.rounds:
            number = self.progress.round + 1
            if self.accountant is not None:
                try:
                    self.accountant.check(self.progress.noisy_rounds + 1)
                except BudgetSpentError as error:
                    self.events.append(Event("budget_spent", number, "", f"{error}; stopped here"))
                    return
            found = self._round(grid, number)
            self.progress.round = number
            self.on_round(found)
            if self.progress.failed >= self.plan.patience:
                last = "; ".join(str(event) for event in found.events) or "no client was there"
                raise StalledError(
                    f"{self.progress.failed} rounds in a row came to nothing ({last}): "
                    "see the events, or lower selection.least"
                )

    def memory(self) -> dict[str, Any]:
        """All that a later process needs to go on, as arrays and JSON types, nested."""
        carried = {name: getattr(self.strategy, name) for name in self.kind.memory}
        return {
            "arrays": self.arrays,
            "strategy": {name: _named(value) for name, value in carried.items() if value},
            "downlink": self.downlink.memory(),
            "progress": asdict(self.progress),
            "seen": self.screen.seen,
            "clip": None if self.central is None else self.central.clip,
            "events": [event.plain() for event in self.events],
        }

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Go on from what `memory` gave, after JSON made its keys strings."""
        self.arrays = dict(memory["arrays"])
        for name, value in memory["strategy"].items():
            listed = name in LISTS
            setattr(self.strategy, name, list(value.values()) if listed else dict(value))
        self.downlink.remember(memory["downlink"])
        self.progress = Progress.of(memory["progress"])
        self.screen.seen = dict(memory["seen"])
        if self.central is not None:
            self.central.clip = memory["clip"]
        self.events = [Event(**event) for event in memory["events"]]

    def _round(self, grid: Grid, number: int) -> Round:
        seen, before = len(self.events), self.arrays
        self.decided = []
        parts: list[Part] = []
        traffic = Traffic()
        metrics: dict[str, float] = {}
        chosen = self._choose(grid, number)
        needed = max(self.plan.selection.least, self.kind.least(self.plan.strategy))
        if self.plan.selection.poisson:
            needed = 0 if self.central is not None else 1  # noise tells no one who was drawn
        if len(chosen) < needed:
            self._event("too_few_clients", number, "", f"{len(chosen)} there, {needed} are needed")
        else:
            messages, weights = self._messages(grid, chosen, number)
            replies = self._replies(grid, messages, weights, number, parts, traffic)
            metrics = self._aggregate(replies, parts, number, needed)
        moved = self.arrays is not before
        if moved and norm(subtract(self.arrays, before)) > STILL * norm(before):
            self.progress.still = number + 1
        if self.accountant is not None and (chosen or self.plan.selection.poisson):
            self.progress.noisy_rounds += 1
        self.progress.note(
            parts if moved else [], failed=not moved and not self.plan.selection.poisson
        )
        spent = None
        if self.accountant is not None:
            spent = self.accountant.epsilon(self.progress.noisy_rounds)
        return Round(
            number=number,
            arrays=self.arrays,
            parts=parts if moved else [],
            events=self.events[seen:],
            metrics=metrics,
            bytes_up=traffic.up,
            bytes_down=traffic.down,
            epsilon=spent,
        )

    def _choose(self, grid: Grid, number: int) -> list[Known]:
        self._meet(grid, number)
        here = []
        for node in grid.get_node_ids():
            if (client := self.known.get(node)) is None:
                continue
            self.progress.asked[client.partition] = self.progress.asked.get(client.partition, 0) + 1
            if self.reachable(node, number):
                here.append(client)
                self.progress.answered[client.partition] = (
                    self.progress.answered.get(client.partition, 0) + 1
                )
            else:
                self._event("unavailable", number, client.name, "cannot be reached in this round")
        shares = {p: self.progress.answered.get(p, 0) / n for p, n in self.progress.asked.items()}
        return select(
            here,
            self.plan.selection,
            seed=self.plan.seed,
            round_=number,
            taken=self.progress.taken,
            losses=self.progress.losses,
            reachable=shares,
            on_table=lambda table: self.decided.extend(table.plain()),
        )

    def _meet(self, grid: Grid, number: int) -> None:
        """Ask nodes that are new who they are; two that claim one identity are both left out."""
        new = [node for node in grid.get_node_ids() if node not in self.known]
        messages = [Message(RecordDict(), node, MessageType.QUERY) for node in new]
        for reply in grid.send_and_receive(messages, timeout=self.plan.timeout):
            node = reply.metadata.src_node_id
            if reply.has_error():
                self._event("client_error", number, f"node {node}", str(reply.error.reason))
                continue
            try:
                self.known[node] = _introduced(node, reply)
            except (KeyError, TypeError, ValueError) as error:
                detail = f"cannot say who it is: {error!r}"
                self._event("client_error", number, f"node {node}", detail)
        claims: dict[int, list[int]] = {}
        for node, client in self.known.items():
            claims.setdefault(client.partition, []).append(node)
        for partition, nodes in claims.items():
            if len(nodes) > 1:
                name = self.known[nodes[0]].name
                detail = f"{len(nodes)} nodes claim partition {partition}: none of them takes part"
                self._event("duplicate_identity", number, name, detail)
                for node in nodes:
                    self.known[node] = Known(node, -1, name, 0)
        for node in [n for n, client in self.known.items() if client.partition == -1]:
            del self.known[node]

    def _messages(
        self, grid: Grid, chosen: list[Known], number: int
    ) -> tuple[list[Message], Arrays]:
        """What goes out, in the order of the clients, and the weights that they train from."""
        config = ConfigRecord({"seed": self.plan.seed, "rate": self.plan.rate})
        if self.central is not None:
            config["clip"] = self.central.clip
        if hasattr(self.strategy, "current_arrays"):  # FedAvgM would go on from its own copy
            self.strategy.current_arrays = record_of(self.arrays)
        # Strategies cannot configure a round of no one: where no one was drawn, nothing is sent.
        only = Only(grid, [client.node for client in chosen] or list(self.known)[:1])
        configured = list(
            self.strategy.configure_train(number, record_of(self.arrays), config, only)
        )
        by_node = {message.metadata.dst_node_id: message for message in configured}
        weights = self.downlink.round(self.arrays)
        messages = []
        for client in chosen:
            message = by_node[client.node]
            content = message.content.copy()  # one each: records are put into it below
            own = Message(content=content, metadata=message.metadata)
            self.downlink.address(own)
            messages.append(own)
        return messages, weights

    def _replies(
        self,
        grid: Grid,
        messages: list[Message],
        weights: Arrays,
        number: int,
        parts: list[Part],
        traffic: Traffic,
    ) -> Iterator[Message]:
        """What a strategy may see, as it comes in; everything else becomes an event."""
        counted = Counted(grid, traffic)
        if self.plan.privacy.secure:
            yield from self._masked(counted, messages, weights, number, parts)
            return
        found = in_order(messages, counted.send_and_receive(messages, timeout=self.plan.timeout))
        taken = (reply for reply in found if self._take(reply, weights, number, parts))
        if self.central is not None:
            yield from self.central.fold(taken, self.arrays, number)
        elif self.kind.mean:
            yield from fold(taken)
        else:
            yield from taken

    def _take(self, reply: Message, weights: Arrays, number: int, parts: list[Part]) -> bool:
        """Whether an update is good; what is not, is put on record."""
        client = self.known[reply.metadata.src_node_id]
        try:
            digest = self.screen.arrived(
                reply, round_=number, client=client.name, still=self.progress.still
            )
            self._decode(reply, weights)
            self.screen.decoded(reply)
        except RefusedError as refused:
            self._event(refused.kind, number, client.name, refused.detail)
            self.downlink.answered(client.node, has_base=False)
            return False
        self.downlink.answered(client.node, has_base=True)
        figures = {str(k): float(v) for k, v in reply.content[METRICS].items()}
        weight = figures.pop(WEIGHT)
        figures.pop(BELOW, None)
        if not self.kind.mean:  # Flower's strategies want the same figures of all, or give up
            reply.content[METRICS] = MetricRecord({WEIGHT: weight, "steps": figures["steps"]})
        parts.append(Part(client.partition, client.name, digest, weight, figures))
        return True

    def _decode(self, reply: Message, weights: Arrays) -> None:
        """Turn an update as sent into weights that a strategy can compare with the server's own."""
        codec = self.plan.upload
        try:
            if codec.lossy:
                sent = readable(reply.content[ARRAYS])
                moved = add(self.arrays, decode(codec, sent, weights))
                reply.content[ARRAYS] = record_of(moved)
                if CONTROL in reply.content:
                    change = decode(codec, readable(reply.content[CONTROL]), weights)
                    reply.content[CONTROL] = record_of(change)
            elif weights is not self.arrays:
                self.screen.decoded(reply)
                moved = add(self.arrays, subtract(arrays_of(reply.content[ARRAYS]), weights))
                reply.content[ARRAYS] = record_of(moved)
        except (ValueError, TypeError) as error:
            raise RefusedError("wrong_shape", str(error)) from error

    def _masked(
        self, grid: Grid, messages: list[Message], weights: Arrays, number: int, parts: list[Part]
    ) -> list[Message]:
        if self.plan.secure is None:
            raise ValueError("secure aggregation needs `secure` settings")
        found, who = aggregate(grid, messages, weights, self.plan.secure, timeout=self.plan.timeout)
        for message in messages:
            client = self.known[message.metadata.dst_node_id]
            self.downlink.answered(client.node, has_base=client.node in who)
            if client.node in who:
                parts.append(Part(client.partition, client.name, MASKED, who[client.node], {}))
            else:
                self._event("dropped", number, client.name, "left before the masked sum was made")
        if not found:
            text = f"{len(who)} stayed, {self.plan.secure.threshold} are needed to unmask the sum"
            self._event("too_few_clients", number, "", text)
        for reply in found if weights is not self.arrays else ():
            moved = add(self.arrays, subtract(arrays_of(reply.content[ARRAYS]), weights))
            reply.content[ARRAYS] = record_of(moved)
        return found

    def _aggregate(
        self, replies: Iterator[Message], parts: list[Part], number: int, needed: int
    ) -> dict[str, float]:
        """Move the weights, if enough updates are good; the mean of the clients' figures."""
        good = list(replies)
        if not good or len(parts) < needed:
            detail = f"{len(parts)} good updates, {needed} are needed: the weights stay as they are"
            self._event("too_few_clients", number, "", detail)
            return {}
        try:
            arrays, metrics = self.strategy.aggregate_train(number, good)
        except (AggregationError, InconsistentMessageReplies, ValueError) as error:
            self._event("aggregation_failed", number, "", f"{error}")
            return {}
        if arrays is None:
            self._event(
                "aggregation_failed", number, "", "the strategy made nothing of the updates"
            )
            return {}
        moved = arrays_of(arrays)
        if not all(np.isfinite(value).all() for value in moved.values()):
            self._event("not_finite", number, "", "the aggregate is not finite: it is not taken")
            return {}
        self.arrays = {name: value.astype(np.float32) for name, value in moved.items()}
        if not self.kind.mean:
            return _means(parts)
        return {} if metrics is None else {str(k): float(v) for k, v in metrics.items()}

    def _event(self, kind: Kind, number: int, client: str, detail: str) -> None:
        self.events.append(Event(kind, number, client, detail))


def _introduced(node: int, reply: Message) -> Known:
    about = reply.content[ABOUT]
    partition = int(about["partition"])
    if partition < 0:
        raise ValueError(f"partition {partition} is below 0")
    return Known(node, partition, str(about["name"]), int(about["examples"]), Facts.of(about))


def _means(parts: list[Part]) -> dict[str, float]:
    """Weighted means of the figures that all told."""
    total = sum(part.weight for part in parts)
    shared = [name for name in parts[0].metrics if all(name in part.metrics for part in parts)]
    return {name: sum(p.weight * p.metrics[name] for p in parts) / total for name in shared}


MASKED = "0" * 64
"""In place of a digest where no single update was ever seen."""


STILL = 1e-6
"""Weights that move by less than this share of their norm stand still, but for rounding."""

LISTS = ("momentum_vector",)
"""What Flower keeps as a list of arrays, not under their names."""


def _named(value: Any) -> Arrays:
    return {f"{i:04d}": one for i, one in enumerate(value)} if isinstance(value, list) else value
