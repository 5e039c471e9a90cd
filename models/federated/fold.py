"""One update that stands for many: the weighted mean, taken while replies come in.

Strategies that see clients only through their mean (FedAvg and its family) then do the same with
one reply as with a thousand, and no more than one is ever in memory. Sums are in double precision.
"""

from collections.abc import Iterable

import numpy as np
from flwr.app import Message, MetricRecord, RecordDict

from models.federated.arrays import arrays_of, record_of
from models.federated.client import ARRAYS, METRICS

WEIGHT = "num-examples"


def fold(replies: Iterable[Message]) -> list[Message]:
    """At most one message: the mean of all, weighed by examples; its weight is their sum.

    Args:
        replies: checked ones, with the same arrays and the same metrics.
    """
    last: Message | None = None
    total = 0.0
    arrays: dict[str, np.ndarray] = {}
    figures: dict[str, float] = {}
    for reply in replies:
        last = reply
        metrics = reply.content[METRICS]
        weight = float(metrics[WEIGHT])
        total += weight
        for name, value in arrays_of(reply.content[ARRAYS]).items():
            part = value * np.float64(weight)
            arrays[name] = arrays[name] + part if name in arrays else part
        for name, figure in metrics.items():
            figures[name] = figures.get(name, 0.0) + weight * float(figure)
    if last is None:
        return []
    mean = {name: (value / total).astype(np.float32) for name, value in arrays.items()}
    told = {name: value / total for name, value in figures.items()} | {WEIGHT: total}
    content = RecordDict({ARRAYS: record_of(mean), METRICS: MetricRecord(told)})
    return [Message(content=content, metadata=last.metadata)]
