"""SCAFFOLD on Flower's Message API.

Source: Karimireddy et al. 2020, https://arxiv.org/abs/1910.06378, algorithm 1 with option II.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg

from models.federated.arrays import Arrays, arrays_of, record_of, zeros
from models.federated.client import ARRAYS, CONTROL, METRICS


class Scaffold(FedAvg):
    """Corrects client drift with control variates.

    The server sends x and c; a client i answers with y_i and the change of its own c_i:
    x += server_rate * mean(y_i - x), c += |S| / N * mean(change). All clients count alike, as in
    the paper.

    Args:
        clients: N, of the whole federation.
        server_rate: the paper's eta_g.
        settings: of FedAvg.
    """

    def __init__(self, *, clients: int, server_rate: float, **settings: Any) -> None:
        super().__init__(**settings)
        self.clients, self.server_rate = clients, server_rate
        self.control: Arrays | None = None
        self._sent: Arrays = {}

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """As FedAvg, with the control variate beside the weights."""
        self._sent = arrays_of(arrays)
        if self.control is None:
            self.control = zeros(self._sent)
        record = record_of(self.control)
        messages = list(super().configure_train(server_round, arrays, config, grid))
        for message in messages:
            message.content[CONTROL] = record
        return messages

    def aggregate_train(
        self,
        server_round: int,
        replies: Iterable[Message],
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """One pass over the replies, which need not all be in memory."""
        del server_round
        if self.control is None:
            raise RuntimeError("aggregate_train before configure_train: nothing was sent yet")
        moved = {name: np.zeros(v.shape, np.float64) for name, v in self._sent.items()}
        change = {name: np.zeros(v.shape, np.float64) for name, v in self._sent.items()}
        metrics, count = [], 0
        for reply in replies:
            count += 1
            for name, array in arrays_of(reply.content[ARRAYS]).items():
                moved[name] += array - self._sent[name]
            for name, array in arrays_of(reply.content[CONTROL]).items():
                change[name] += array
            metrics.append(_only_metrics(reply))
        if not count:
            return None, None
        kind = {name: value.dtype for name, value in self._sent.items()}
        weights = {
            name: (self._sent[name] + self.server_rate / count * moved[name]).astype(kind[name])
            for name in moved
        }
        self.control = {
            name: (value + change[name] / self.clients).astype(kind[name])
            for name, value in self.control.items()
        }
        return record_of(weights), self.train_metrics_aggr_fn(metrics, self.weighted_by_key)


def _only_metrics(reply: Message) -> Any:
    content = type(reply.content)()
    content[METRICS] = reply.content[METRICS]
    return content
