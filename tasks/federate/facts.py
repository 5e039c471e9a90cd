"""What clients tell about themselves where they are chosen by it: their classes and their time."""

from collections.abc import Sequence
from dataclasses import replace

from models.federated.devices import Profile
from models.federated.facts import Facts
from models.federated.multimodal import MultimodalLearner, weights_of
from models.multimodal import Multimodal
from tasks.federate.source import Source
from tasks.params.federate import FederateParams

BYTES = 4
"""Of a weight, uncompressed."""


def telling(
    clients: Sequence[MultimodalLearner],
    profiles: Sequence[Profile],
    source: Source,
    params: FederateParams,
    model: Multimodal,
) -> list[MultimodalLearner]:
    """The clients, with facts to tell where `federate.selection.policy` is qubo.

    Args:
        clients, profiles: by partition.
        source: names of the classes.
        params: `federate` of params.yaml.
        model: whose weights travel.
    """
    if params.selection.policy != "qubo":
        return list(clients)
    megabits = sum(value.size for value in weights_of(model).values()) * BYTES * 8 / 1e6
    return [
        replace(
            client,
            facts=Facts(
                labels=_classes(client, source),
                seconds=megabits / profile.down_mbps
                + client.examples * params.local.epochs / profile.examples_per_second
                + megabits / profile.up_mbps,
            ),
        )
        for client, profile in zip(clients, profiles, strict=True)
    ]


def _classes(client: MultimodalLearner, source: Source) -> dict[str, int]:
    """Rows by class; rows without a class are not counted."""
    own = source.examples.label[client.data.train]
    counts = own[own >= 0].bincount(minlength=len(source.spec.classes)).tolist()
    return {name: n for name, n in zip(source.spec.classes, counts, strict=True) if n}
