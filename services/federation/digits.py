"""A federation to try a deployment with: scikit-learn's handwritten digits, a small head a node."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from models.federated.arrays import Arrays
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
    head: str = "softmax",
    seconds: float = SECONDS,
) -> Federation:
    """Rows dealt out at random, the same for a seed whatever the machine.

    Args:
        folder: new.
        nodes: parts.
        rounds, seed, strategy: of the plan.
        head: softmax, or quantum for a circuit between two linear layers.
        seconds: that a node may take for a round.
    """
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype(np.float32), y.astype(np.int64)
    order = generator(seed, "digits").permutation(len(y))
    trial = HEADS[head](x.shape[1], seed)
    partitions = []
    for node in range(nodes):
        rows = order[node::nodes]
        judge = np.arange(len(rows)) % HELD_BACK == 0
        learn, hold = rows[~judge], rows[judge]
        partitions.append(
            Partition(
                kind=head,
                name=f"digits-{node}",
                settings=trial.settings,
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
        rate=trial.rate,
        strategy=StrategySettings(strategy),
        selection=Selection("random", 1.0, 1),
        timeout=seconds,
    )
    return write_federation(folder, plan, trial.initial, partitions)


@dataclass(frozen=True)
class Trial:
    """What a head is tried with.

    Args:
        settings: of each node.
        initial: weights to start from.
        rate: learning rate.
    """

    settings: dict[str, Any]
    initial: Arrays
    rate: float


def _softmax(features: int, seed: int) -> Trial:
    del seed  # it starts from zero
    return Trial({"classes": 10, "batch_size": 32, "epochs": 1}, blank(features, 10), 0.1)


def _quantum(features: int, seed: int) -> Trial:
    from models.federated.heads import arrays_of
    from models.quantum.head import HeadConfig, QuantumHead

    head: dict[str, Any] = {"features": features, "classes": 10, "qubits": 4, "layers": 2}
    head["spread"] = 0.1
    start = QuantumHead(HeadConfig(**head), seed=seed)
    return Trial({"head": head, "batch_size": 32, "epochs": 1}, arrays_of(start), 0.5)


HEADS: dict[str, Callable[[int, int], Trial]] = {"softmax": _softmax, "quantum": _quantum}
"""What `head` may be: from the number of features and a seed."""
