"""Ask clients how good some weights are on their own validation rows."""

from collections.abc import Iterable, Mapping

from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, RecordDict
from flwr.serverapp import Grid

from models.federated.arrays import Arrays, record_of
from models.federated.client import ARRAYS, CONFIG, METRICS
from models.federated.devices import in_order
from models.federated.fold import WEIGHT
from models.federated.selection import Known


def ask(
    grid: Grid, clients: Iterable[Known], arrays: Arrays, *, timeout: float | None
) -> dict[str, dict[str, float]]:
    """Name of each client that answers to its figures, in the order of their partitions."""
    ordered = sorted(clients, key=lambda client: client.partition)
    record: ArrayRecord = record_of(arrays)
    messages = [
        Message(
            RecordDict({ARRAYS: record, CONFIG: ConfigRecord({})}),
            client.node,
            MessageType.EVALUATE,
        )
        for client in ordered
    ]
    replies = in_order(messages, grid.send_and_receive(messages, timeout=timeout))
    return {
        client.name: {str(k): float(v) for k, v in reply.content[METRICS].items()}
        for client, reply in zip(ordered, replies, strict=True)
        if not reply.has_error()
    }


def mean(told: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The clients' figures, weighed by their rows; empty where no one had any."""
    total = sum(figures[WEIGHT] for figures in told.values())
    if not total:
        return {}
    names = {name for figures in told.values() for name in figures} - {WEIGHT}
    return {
        name: sum(f.get(name, 0.0) * f[WEIGHT] for f in told.values()) / total
        for name in sorted(names)
    }
