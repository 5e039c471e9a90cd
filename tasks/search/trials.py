"""Measure the configurations of a round: here one by one, or side by side in Ray."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from models.search.space import Config
from tasks.search.study import Known, Measure, Outcome

Round = Callable[[Sequence[Config], Known], list[Outcome]]


@contextmanager
def measuring(measure: Measure, workers: int) -> Iterator[Round]:
    """A function that measures a round of configurations, in order.

    Args:
        measure: measures one.
        workers: at once; with 1 no other process is started.
    """
    if workers == 1:
        yield lambda configs, known: [measure(config, known) for config in configs]
        return
    with _ray(workers) as ray:
        shared = ray.put(measure)  # once, not with every trial

        @ray.remote(num_cpus=1)
        def one(measure: Measure, config: Config, known: Known) -> Outcome:
            import torch

            torch.set_num_threads(1)
            return measure(config, known)

        yield lambda configs, known: list(
            ray.get([one.remote(shared, config, known) for config in configs])
        )


@contextmanager
def _ray(workers: int) -> Iterator[Any]:
    """A Ray of our own on this machine alone, gone afterwards."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Imported here: it costs seconds and only parallel trials need it.
    import ray

    ray.init(
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        _node_ip_address="127.0.0.1",
    )
    try:
        yield ray
    finally:
        ray.shutdown()
