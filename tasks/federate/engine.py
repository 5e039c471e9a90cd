"""Where the stage's clients run: worker threads of this process, on simulated devices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flwr.app import Context
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import Mod

from models.federated.client import client_app, partition_of
from models.federated.devices import DeviceGrid, Profile
from models.federated.grid import FIRST_NODE, LocalGrid
from models.federated.learner import Learner
from models.federated.multimodal import MultimodalLearner
from models.federated.noise import private_mod, source_of
from models.federated.plan import Plan
from models.federated.secure import secure_mods
from models.federated.traffic import traffic_mod
from tasks.params.federate import FederateParams

TRAINING_COPIES = 6
"""Weights, gradients, two moments, what was sent and what is answered."""
ENCODER_MEGABYTES = 250.0
"""About what the frozen encoders and Python need on a device."""


def mods_of(plan: Plan) -> list[Mod]:
    """What wraps a client's training: how it travels outside, what protects it inside."""
    source = source_of(plan.privacy, plan.seed)
    least = plan.secure.threshold if plan.secure else 1
    outer = (
        [*secure_mods()]
        if plan.privacy.secure and not plan.download.lossy
        else [*secure_mods(), traffic_mod(plan.upload, plan.download)]
        if plan.privacy.secure
        else [traffic_mod(plan.upload, plan.download)]
    )
    return [*outer, private_mod(plan.privacy, source, share_of=least)]


def app_of(plan: Plan, learner_of: Callable[[int], Learner]) -> ClientApp:
    """The ClientApp of a plan."""

    def learner(context: Context) -> Learner:
        return learner_of(partition_of(context))

    return client_app(learner, mods_of(plan))


@dataclass(frozen=True)
class Field:
    """Clients in this process, on simulated devices.

    Args:
        clients: learners, by partition.
        profiles: their devices.
        params: of the stage.
    """

    clients: Sequence[MultimodalLearner]
    profiles: Sequence[Profile]
    params: FederateParams

    def plain(self, plan: Plan) -> LocalGrid:
        """Clients that always answer: for a tournament."""
        workers = 1 if plan.privacy.secure else self.params.workers  # its rounding draws globally
        return LocalGrid(
            app_of(plan, lambda partition: self.clients[partition]),
            len(self.clients),
            workers=min(workers, len(self.clients)),
        )

    def grid(self, plan: Plan, *, parameters: int) -> tuple[LocalGrid, DeviceGrid]:
        """The clients, and the same with devices around them.

        Args:
            plan: of the run.
            parameters: that are trained.
        """
        local = self.plain(plan)
        nodes = {FIRST_NODE + i: i for i in range(len(self.clients))}
        return local, DeviceGrid(
            local,
            profiles={node: self.profiles[i] for node, i in nodes.items()},
            partitions=nodes,
            examples={
                node: float(self.clients[i].examples * self.params.local.epochs)
                for node, i in nodes.items()
            },
            stragglers=plan.stragglers,
            needs_mb=ENCODER_MEGABYTES + TRAINING_COPIES * parameters * 4 / 1e6,
            seed=plan.seed,
        )
