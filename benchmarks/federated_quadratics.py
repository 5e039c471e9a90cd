"""SCAFFOLD and FedNova where the optimum is known: clients with quadratic losses.

Sources: the two-client case of Karimireddy et al. 2020 (https://arxiv.org/abs/1910.06378, figure 3)
and objective inconsistency of Wang et al. 2020 (https://arxiv.org/abs/2007.07481, section 3).
Weights travel and are kept as float32, whose relative precision is 6e-8: no error can be smaller.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.federated.arrays import Arrays
from models.federated.client import client_app
from models.federated.grid import LocalGrid
from models.federated.learner import Learned, Work
from models.federated.plan import Plan
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.strategies import StrategySettings

BENDS, GOALS = (1.0, 3.0), (4.0, -2.0)
"""f_i(x) = bend / 2 |x - goal u|^2; their sum is least at u (1*4 - 3*2) / 4 = -u / 2."""
UNITS = np.arange(1.0, 9.0)
"""u: eight coordinates, as the server takes two equal updates for a copy, and numbers coincide."""
OPTIMUM = float(np.dot(BENDS, GOALS) / sum(BENDS))
EQUAL, UNEQUAL = (5, 5), (2, 8)
"""Local steps of the two clients."""
SCAFFOLD_RATE, NOVA_RATES = 0.05, (0.05, 0.005, 0.0005)


@dataclass
class Quadratic:
    """One client; counts in double precision between what it is sent and what it sends."""

    name: str
    bend: float
    goal: float
    steps: int
    examples: int = 1

    def train(self, arrays: Arrays, work: Work) -> Learned:
        x = arrays["x"].astype(np.float64)
        for _ in range(self.steps):
            slope = self.bend * (x - self.goal * UNITS)
            if work.correction is not None:
                slope = slope + work.correction["x"]
            x = x - work.rate * slope
        return Learned({"x": x.astype(np.float32)}, self.examples, float(self.steps), {})

    def evaluate(self, arrays: Arrays) -> dict[str, float]:
        del arrays
        return {"num-examples": 0.0}


def error(strategy: str, steps: tuple[int, int], *, rate: float, rounds: int) -> float:
    """Largest distance to the optimum, in units of u, after so many rounds from x = 10."""
    clients = [
        Quadratic(f"client {i}", bend, goal, own)
        for i, (bend, goal, own) in enumerate(zip(BENDS, GOALS, steps, strict=True))
    ]
    app = client_app(lambda context: clients[int(context.node_config["partition-id"])])
    plan = Plan(
        rounds=rounds,
        seed=0,
        rate=rate,
        strategy=StrategySettings(strategy),
        selection=Selection("random", 1.0, 2),
    )
    server = Server(plan, {"x": np.full(len(UNITS), 10, np.float32)}, clients=len(clients))
    server.run(LocalGrid(app, len(clients)))
    return float(np.abs(server.arrays["x"] / UNITS - OPTIMUM).max())


def quadratics() -> dict[str, Any]:
    """Error of every case; FedNova's has a part that shrinks with the rate, as any local SGD's."""
    lines = {
        f"{name}, {EQUAL[0]} steps each": error(name, EQUAL, rate=SCAFFOLD_RATE, rounds=200)
        for name in ("fedavg", "scaffold")
    }
    for name in ("fedavg", "fednova"):
        for rate in NOVA_RATES:
            rounds = int(4 / rate)
            case = f"{name}, {UNEQUAL[0]} and {UNEQUAL[1]} steps, rate {rate:g}"
            lines[case] = error(name, UNEQUAL, rate=rate, rounds=rounds)
    return {"optimum": OPTIMUM, "float32": float(np.finfo(np.float32).eps) / 2, "lines": lines}
