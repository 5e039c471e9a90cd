"""Rounds in this process, for audits: the same client app and server as everywhere."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from flwr.app import Message

from models.federated.arrays import Arrays
from models.federated.client import client_app
from models.federated.grid import LocalGrid
from models.federated.learner import Learner
from models.federated.noise import private_mod, source_of
from models.federated.plan import Plan
from models.federated.privacy import Privacy
from models.federated.secure import Secure, secure_mods
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.strategies import StrategySettings

Spy = Callable[[Message, Message], None]
"""Told of every message and its reply."""


def plan_for(
    privacy: Privacy,
    *,
    rounds: int,
    rate: float,
    seed: int,
    strategy: StrategySettings | None = None,
    secure: Secure | None = None,
) -> Plan:
    """A plan in which every client takes part in every round, with noise that repeats.

    No budget stops it: an audit looks at what the given noise does in the given rounds.
    """
    return Plan(
        rounds=rounds,
        seed=seed,
        rate=rate,
        strategy=strategy or StrategySettings("fedavg"),
        selection=Selection("random", 1.0, 1),
        privacy=replace(privacy, epsilon=np.inf, noise="seeded"),
        secure=secure,
    )


def without_masks(plan: Plan) -> Plan:
    """The plan as it would be if updates were not masked.

    Masks cancel in the sum, so the weights that come out are the same up to the rounding to
    integers; the protocol takes a second a round.
    """
    return replace(plan, privacy=Privacy("none")) if plan.privacy.secure else plan


def trained(
    learners: Sequence[Learner],
    plan: Plan,
    initial: Arrays,
    *,
    clients: int | None = None,
    masked: bool = False,
    spy: Spy | None = None,
) -> Arrays:
    """The weights after all rounds.

    Args:
        learners: clients that are there; client i has partition i.
        plan: how.
        initial: weights to start from.
        clients: that the server believes to exist, if not all are there.
        masked: whether updates are masked where the level says so.
        spy: sees what the server sees.
    """
    mods = []
    if plan.privacy.secure and masked:
        mods += secure_mods()
    if plan.privacy.noisy:
        source = source_of(plan.privacy, plan.seed)
        mods.append(private_mod(plan.privacy, source, share_of=len(learners)))
    app = client_app(lambda context: learners[int(context.node_config["partition-id"])], mods)
    grid = LocalGrid(app, len(learners), on_message=spy)
    server = Server(
        plan if masked else without_masks(plan), initial, clients=clients or len(learners)
    )
    server.run(grid)
    return server.arrays
