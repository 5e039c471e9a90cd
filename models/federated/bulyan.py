"""Bulyan with Flower's result and a fraction of its time.

Source: El Mhamdi et al. 2018, https://arxiv.org/abs/1802.07927. Flower's own rule selects the
updates. What takes its time is the mean of the values nearest to the median, coordinate by
coordinate: here they are sorted once, in blocks that fit into the cache, and the nearest ones then
stand side by side.
"""

from collections.abc import Iterable

import numpy as np
from flwr.app import ArrayRecord, Message, MetricRecord
from flwr.serverapp.strategy import Bulyan
from numpy.typing import NDArray

from models.federated.arrays import arrays_of, flat, record_of, shaped
from models.federated.client import ARRAYS

BLOCK = 1 << 15
"""Coordinates handled at a time."""


class FastBulyan(Bulyan):
    """Flower's Bulyan; only the arithmetic is arranged differently."""

    def aggregate_train(
        self,
        server_round: int,
        replies: Iterable[Message],
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """As Flower's: (None, None) where there are fewer than 4f + 3 replies."""
        del server_round
        valid, _ = self._check_and_log_replies(replies, is_train=True)
        if len(valid) < 4 * self.num_malicious_nodes + 3:
            return None, None
        theta = len(valid) - 2 * self.num_malicious_nodes
        chosen = self.selection_rule(
            [reply.content for reply in valid], self.num_malicious_nodes, theta
        )
        found = [arrays_of(content[ARRAYS]) for content in chosen]
        table = np.stack([flat(arrays) for arrays in found])
        vector = nearest_to_median(table, theta - 2 * self.num_malicious_nodes)
        metrics = self.train_metrics_aggr_fn(chosen, self.weighted_by_key)
        return record_of(shaped(vector, found[0])), metrics


def nearest_to_median(table: NDArray[np.float32], kept: int) -> NDArray[np.float32]:
    """Mean of the `kept` values of each column (n, d) that are nearest to its median (d,)."""
    rows, columns = table.shape
    found = np.empty(columns, table.dtype)
    for start in range(0, columns, BLOCK):
        block = np.sort(table[:, start : start + BLOCK], axis=0)
        median = np.median(block, axis=0)
        # The window that starts at s holds the nearest ones if its farther end is nearest.
        ends = [
            np.maximum(median - block[s], block[s + kept - 1] - median)
            for s in range(rows - kept + 1)
        ]
        first = np.argmin(np.stack(ends), axis=0)
        window = first[None] + np.arange(kept)[:, None]
        found[start : start + BLOCK] = np.take_along_axis(block, window, axis=0).mean(axis=0)
    return found
