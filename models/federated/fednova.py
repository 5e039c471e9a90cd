"""FedNova on Flower's Message API.

Source: Wang et al. 2020, https://arxiv.org/abs/2007.07481, equation 9 with tau_eff = sum p_i a_i.
"""

from collections.abc import Iterable

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg

from models.federated.arrays import Arrays, arrays_of, record_of
from models.federated.client import ARRAYS, METRICS
from models.federated.scaffold import _only_metrics


class FedNova(FedAvg):
    """Averages what clients did per step, so that those who take more steps pull no harder.

    Client i answers with x_i and `steps` a_i; with p_i its share of the examples,
    x -= (sum p_i a_i) * sum p_i (x - x_i) / a_i.
    """

    _sent: Arrays

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """As FedAvg; remembers what was sent."""
        self._sent = arrays_of(arrays)
        return list(super().configure_train(server_round, arrays, config, grid))

    def aggregate_train(
        self,
        server_round: int,
        replies: Iterable[Message],
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """One pass over the replies, which need not all be in memory."""
        del server_round
        direction = {name: np.zeros(v.shape, np.float64) for name, v in self._sent.items()}
        examples = steps = 0.0
        metrics = []
        for reply in replies:
            figures = reply.content[METRICS]
            weight, own = float(figures[self.weighted_by_key]), float(figures["steps"])
            examples, steps = examples + weight, steps + weight * own
            for name, array in arrays_of(reply.content[ARRAYS]).items():
                direction[name] += (weight / own) * (self._sent[name] - array)
            metrics.append(_only_metrics(reply))
        if not metrics:
            return None, None
        effective = steps / examples / examples
        weights = {
            name: (value - effective * direction[name]).astype(value.dtype)
            for name, value in self._sent.items()
        }
        return record_of(weights), self.train_metrics_aggr_fn(metrics, self.weighted_by_key)
