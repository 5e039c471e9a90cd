"""A federation to try a deployment with: scikit-learn's handwritten digits, a softmax a node."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from models.federated.plan import Plan
from models.federated.seeds import generator
from models.federated.selection import Selection
from models.federated.softmax import blank
from models.federated.strategies import StrategySettings
from services.federation.federation import Federation, write_federation
from services.federation.partitions import Partition

HELD_BACK = 5
"""Every fifth row is to judge by."""
SECONDS = 120.0


def write_digits(
    folder: Path,
    *,
    nodes: int,
    rounds: int,
    seed: int,
    strategy: str = "fedavg",
    seconds: float = SECONDS,
) -> Federation:
    """Rows dealt out at random, the same for a seed whatever the machine.

    Args:
        folder: new.
        nodes: parts.
        rounds, seed, strategy: of the plan.
        seconds: that a node may take for a round.
    """
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype(np.float32), y.astype(np.int64)
    order = generator(seed, "digits").permutation(len(y))
    partitions = []
    for node in range(nodes):
        rows = order[node::nodes]
        judge = np.arange(len(rows)) % HELD_BACK == 0
        learn, hold = rows[~judge], rows[judge]
        partitions.append(
            Partition(
                kind="softmax",
                name=f"digits-{node}",
                settings={"classes": 10, "batch_size": 32, "epochs": 1},
                rows={
                    "x": x[learn],
                    "y": y[learn],
                    "x_validation": x[hold],
                    "y_validation": y[hold],
                },
            )
        )
    plan = Plan(
        rounds=rounds,
        seed=seed,
        rate=0.1,
        strategy=StrategySettings(strategy),
        selection=Selection("random", 1.0, 1),
        timeout=seconds,
    )
    return write_federation(folder, plan, blank(x.shape[1], 10), partitions)
