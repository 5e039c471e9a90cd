"""Clients whose local work has a closed form, and one call that runs a federation of them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

os.environ |= {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}

import logging

import numpy as np
import pytest
from flwr.app import Message
from flwr.serverapp import Grid

from models.federated.arrays import Arrays
from models.federated.client import client_app
from models.federated.grid import LocalGrid
from models.federated.learner import Learned, Work
from models.federated.plan import Plan, Round
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.strategies import StrategySettings

logging.getLogger("flwr").setLevel(logging.CRITICAL)  # importing its strategies sets it lower

EPS = float(np.finfo(np.float32).eps)
"""Weights travel as float32."""


@dataclass
class Quadratic:
    """f(x) = bend / 2 |x - goal|^2, by plain gradient descent in double precision."""

    name: str
    bend: float
    goal: Arrays
    examples: int = 1
    steps: int = 5
    told: dict[str, float] = field(default_factory=dict)
    work: list[Work] = field(default_factory=list)

    def train(self, arrays: Arrays, work: Work) -> Learned:
        self.work.append(work)
        count = max(1, round(work.share * self.steps))
        found = {}
        for name, start in arrays.items():
            x = start.astype(np.float64)
            for _ in range(count):
                step = self.bend * (x - self.goal[name]) + work.mu * (x - start)
                if work.correction is not None:
                    step = step + work.correction[name]
                x = x - work.rate * step
            found[name] = x.astype(np.float32)
        loss = sum(float(((x - self.goal[n]) ** 2).sum()) for n, x in arrays.items())
        return Learned(found, self.examples, float(count), {"train_loss": loss, **self.told})

    def evaluate(self, arrays: Arrays) -> dict[str, float]:
        del arrays  # no rows are kept back
        return {"num-examples": 0.0}


def after(start: Any, client: Quadratic, *, rate: float, pull: float = 0.0) -> Any:
    """Where gradient descent on bend/2 (x-goal)^2 + pull/2 (x-start)^2 is after client.steps.

    Each step shrinks the distance to the minimum by 1 - rate * (bend + pull).
    """
    least = (client.bend * client.goal["x"] + pull * start) / (client.bend + pull)
    return least + (1 - rate * (client.bend + pull)) ** client.steps * (start - least)


@dataclass
class Drawn:
    """Moves its weights by what a generator draws: updates that look like no one else's."""

    name: str
    examples: int = 1
    size: float = 1.0

    def train(self, arrays: Arrays, work: Work) -> Learned:
        rng = np.random.default_rng(work.seed)
        found = {
            n: x + np.float32(self.size) * rng.standard_normal(x.shape, np.float32)
            for n, x in arrays.items()
        }
        return Learned(found, self.examples, 1.0, {"train_loss": 1.0})

    def evaluate(self, arrays: Arrays) -> dict[str, float]:
        del arrays  # no rows are kept back
        return {"num-examples": 0.0}


def quadratics(
    count: int, *, seed: int = 0, shape: tuple[int, ...] = (4,), steps: int = 5
) -> list[Quadratic]:
    """Clients that bend differently towards different goals, with different numbers of rows."""
    rng = np.random.default_rng(seed)
    return [
        Quadratic(
            f"c{i}",
            bend=float(rng.uniform(0.5, 2)),
            goal={"x": rng.normal(size=shape) * 3},
            examples=int(rng.integers(1, 9)),
            steps=steps,
        )
        for i in range(count)
    ]


def plan_of(strategy: str = "fedavg", **more: Any) -> Plan:
    """A plan with everyone in every round, unless told otherwise."""
    settings = more.pop("settings", {})
    given: dict[str, Any] = {
        "rounds": 3,
        "seed": 1,
        "rate": 0.1,
        "strategy": StrategySettings(strategy, **settings),
        "selection": Selection("random", 1.0, 1),
    }
    return Plan(**{**given, **more})


@dataclass
class Outcome:
    server: Server
    rounds: list[Round]
    grid: LocalGrid

    @property
    def x(self) -> Any:
        return self.server.arrays["x"]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.server.events]


def run(
    learners: Sequence[Any],
    plan: Plan,
    *,
    initial: Arrays | None = None,
    mods: Sequence[Any] = (),
    workers: int = 1,
    around: Callable[[Grid], Grid] = lambda grid: grid,
    on_message: Callable[[Message, Message], None] | None = None,
    on_round: Callable[[Round], None] = lambda _: None,
    clients: int | None = None,
) -> Outcome:
    """A whole run in process; what it raises comes through."""
    rounds: list[Round] = []

    def note(found: Round) -> None:
        rounds.append(found)
        on_round(found)

    app = client_app(lambda context: learners[int(context.node_config["partition-id"])], mods)
    grid = LocalGrid(app, len(learners), workers=workers, on_message=on_message)
    start = initial if initial is not None else zeros_like(learners[0])
    server = Server(plan, start, clients=clients or len(learners), on_round=note)
    outcome = Outcome(server, rounds, grid)
    server.run(around(grid))
    return outcome


def zeros_like(learner: Any) -> Arrays:
    """Weights of zero in the shape of a learner's goal."""
    return {name: np.zeros(np.shape(goal), np.float32) for name, goal in learner.goal.items()}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
