"""Who takes part in a round: seeded, and the same whatever order clients are listed in.

Source of the loss-based one: Cho et al. 2020 (https://arxiv.org/abs/2010.01243, power-of-choice:
candidates at random, then those with the highest losses).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.federated.seeds import generator

Policy = Literal["random", "availability", "loss", "fair"]


@dataclass(frozen=True)
class Known:
    """What the server knows of a client.

    Args:
        node: Flower's id of its node.
        partition: its part of the data; clients are ordered by it.
        name: as tables show it.
        examples: rows that it learns from, as it told.
    """

    node: int
    partition: int
    name: str
    examples: int


@dataclass(frozen=True)
class Selection:
    """How to choose.

    Args:
        policy: random; availability (the most often reachable first); loss (the highest loss among
            twice as many random candidates); fair (whoever took part least).
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
) -> list[Known]:
    """The clients of a round, ordered by partition.

    Args:
        clients: those that are there.
        seed, round_: of the draw.
        taken: partition to how often it took part.
        losses: partition to its last training loss; unknown ones count as highest.
        reachable: partition to its share of rounds in which it was reachable.
    """
    ordered = sorted(clients, key=lambda client: client.partition)
    rng = generator(seed, "select", round_)
    if settings.poisson:
        drawn = rng.random(len(ordered)) < settings.fraction
        return [client for client, here in zip(ordered, drawn, strict=True) if here]
    count = min(len(ordered), max(settings.least, round(settings.fraction * len(ordered))))
    mixed = [ordered[i] for i in rng.permutation(len(ordered))]
    if settings.policy == "availability":
        mixed.sort(key=lambda client: -reachable.get(client.partition, 1.0))
    elif settings.policy == "loss":
        mixed = mixed[: 2 * count]
        mixed.sort(key=lambda client: -losses.get(client.partition, np.inf))
    elif settings.policy == "fair":
        mixed.sort(key=lambda client: taken.get(client.partition, 0))
    return sorted(mixed[:count], key=lambda client: client.partition)
