"""Who takes part in a round: seeded, and the same whatever order clients are listed in.

Source of the loss-based one: Cho et al. 2020 (https://arxiv.org/abs/2010.01243, power-of-choice:
candidates at random, then those with the highest losses). The one by QUBO:
models/quantum/qubo/client_selection.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from models.federated.facts import Facts
from models.federated.seeds import generator, mix

if TYPE_CHECKING:  # only one policy needs it
    from models.quantum.qubo.compare import Comparison

Policy = Literal["random", "availability", "loss", "fair", "qubo"]
MANY = 128
"""Clients from which on only the fast solvers are asked, and shortly."""


@dataclass(frozen=True)
class Known:
    """What the server knows of a client.

    Args:
        node: Flower's id of its node.
        partition: its part of the data; clients are ordered by it.
        name: as tables show it.
        examples: rows that it learns from, as it told.
        facts: what else it told.
    """

    node: int
    partition: int
    name: str
    examples: int
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True)
class Selection:
    """How to choose.

    Args:
        policy: random; availability (the most often reachable first); loss (the highest loss among
            twice as many random candidates); fair (whoever took part least); qubo (useful, fast,
            seldom asked and unlike each other, weighed against one another).
        fraction: of the clients that are there, 0 to 1.
        least: clients in a round at least.
        poisson: every client is drawn on its own, so that their number varies: what the accountant
            of a sampled mechanism assumes.
    """

    policy: Policy
    fraction: float
    least: int
    poisson: bool = False


def select(
    clients: Sequence[Known],
    settings: Selection,
    *,
    seed: int,
    round_: int,
    taken: Mapping[int, int],
    losses: Mapping[int, float],
    reachable: Mapping[int, float],
    on_table: Callable[["Comparison"], None] = lambda _: None,
) -> list[Known]:
    """The clients of a round, ordered by partition.

    Args:
        clients: those that are there.
        seed, round_: of the draw.
        taken: partition to how often it took part.
        losses: partition to its last training loss; unknown ones count as highest.
        reachable: partition to its share of rounds in which it was reachable.
        on_table: told what all solvers found, where policy is qubo.
    """
    ordered = sorted(clients, key=lambda client: client.partition)
    rng = generator(seed, "select", round_)
    if settings.poisson:
        drawn = rng.random(len(ordered)) < settings.fraction
        return [client for client, here in zip(ordered, drawn, strict=True) if here]
    count = min(len(ordered), max(settings.least, round(settings.fraction * len(ordered))))
    if settings.policy == "qubo" and 0 < count < len(ordered):
        table = _decided(ordered, count, mix(seed, "qubo", round_), taken, losses)
        on_table(table)
        chosen = set(table.best.chosen)
        return [client for client in ordered if _variable(client) in chosen]
    mixed = [ordered[i] for i in rng.permutation(len(ordered))]
    if settings.policy == "availability":
        mixed.sort(key=lambda client: -reachable.get(client.partition, 1.0))
    elif settings.policy == "loss":
        mixed = mixed[: 2 * count]
        mixed.sort(key=lambda client: -losses.get(client.partition, np.inf))
    elif settings.policy == "fair":
        mixed.sort(key=lambda client: taken.get(client.partition, 0))
    return sorted(mixed[:count], key=lambda client: client.partition)


def _decided(
    clients: Sequence[Known],
    count: int,
    seed: int,
    taken: Mapping[int, int],
    losses: Mapping[int, float],
) -> "Comparison":
    """All solvers on who should take part; a loss that is not finite counts as unknown."""
    from models.quantum.qubo.answer import SEEDS
    from models.quantum.qubo.client_selection import Candidate, client_selection
    from models.quantum.qubo.compare import SOLVERS, side_by_side
    from models.quantum.qubo.greedy import greedy
    from models.quantum.qubo.samplers import tabu

    known = {partition: loss for partition, loss in losses.items() if np.isfinite(loss)}
    candidates = [
        Candidate(
            name=_variable(client),
            examples=client.examples,
            loss=known.get(client.partition),
            seconds=client.facts.seconds,
            labels=client.facts.labels,
            turns=taken.get(client.partition, 0),
        )
        for client in clients
    ]
    # Every round anew, an optimiser of angles would cost more than it could find.
    solvers = {name: solve for name, solve in SOLVERS.items() if name != "qaoa"}
    if len(clients) > MANY:
        solvers = {"greedy": greedy, "tabu": partial(tabu, reads=2, restarts=2)}
    return side_by_side(client_selection(candidates, count), seed=seed % SEEDS, solvers=solvers)


def _variable(client: Known) -> str:
    return f"{client.partition} {client.name}"  # two clients may have one name
