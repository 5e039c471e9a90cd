"""The run that params.yaml describes, ready to be carried to other hosts."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.federated.arrays import Arrays
from models.federated.multimodal import MultimodalLearner, weights_of
from models.federated.plan import Plan
from models.federated.settings import AUTO, plan_of
from tasks.errors import InputError
from tasks.federate.source import Source, clients_of, read_federated
from tasks.params.federate import FederateParams
from tasks.params.train import TrainParams
from tasks.workspace import Workspace


@dataclass(frozen=True)
class Prepared:
    """Everything that server and clients start from."""

    source: Source
    clients: Sequence[MultimodalLearner]
    plan: Plan
    initial: Arrays


def prepared(workspace: Workspace, params: FederateParams, train: TrainParams) -> Prepared:
    """Read the workspace's data and settings.

    Raises:
        InputError: the strategy is left to a tournament, which a deployment does not hold.
    """
    if params.strategy.name == AUTO:
        raise InputError(
            "`federate.strategy.name: auto`: a deployment needs the name of a strategy; the "
            "stage's tournament says which (tag federate.strategy in MLflow)"
        )
    source = read_federated(workspace)
    clients = clients_of(source, params, train)
    most = max(client.examples for client in clients)
    plan = plan_of(params.model_dump(), strategy=params.strategy.name, most_examples=most)
    return Prepared(source, clients, plan, weights_of(source.blank(params.seed)))
