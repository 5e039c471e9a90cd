"""Which strategy to take: each runs a few rounds from the same start, clients judge on their own
validation rows, and the lowest loss wins."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from flwr.serverapp import Grid

from models.federated.arrays import Arrays
from models.federated.judging import ask, mean
from models.federated.plan import Plan, StalledError
from models.federated.server import Server
from models.federated.strategies import StrategySettings


@dataclass(frozen=True)
class Tried:
    """How a candidate did: loss and accuracy on the clients' validation rows, or why it failed."""

    strategy: StrategySettings
    loss: float
    accuracy: float
    failure: str = ""


def tournament(
    plan: Plan,
    initial: Arrays,
    candidates: Sequence[StrategySettings],
    grid_of: Callable[[], Grid],
    *,
    clients: int,
    rounds: int,
    on_done: Callable[[Tried], None],
) -> list[Tried]:
    """All candidates, best first; ties go to the one named first.

    Args:
        plan: of the run; strategy and rounds are replaced.
        initial: weights that each starts from.
        candidates: strategies with their settings.
        grid_of: a fresh grid, whose clients remember nothing.
        clients: of the federation.
        rounds: of each candidate.
        on_done: told after each.

    Raises:
        ValueError: none of them got through its rounds.
    """
    found = []
    for strategy in candidates:
        grid = grid_of()
        try:
            server = Server(
                replace(plan, strategy=strategy, rounds=rounds), initial, clients=clients
            )
            server.run(grid)
            told = mean(ask(grid, server.known.values(), server.arrays, timeout=plan.timeout))
            tried = Tried(strategy, told["val_loss"], told["val_accuracy"])
            if not math.isfinite(tried.loss):
                raise ValueError(f"validation loss is {tried.loss}")
        except (StalledError, ValueError, KeyError) as error:
            tried = Tried(strategy, float("inf"), 0.0, f"{type(error).__name__}: {error}")
        found.append(tried)
        on_done(tried)
    if all(tried.failure for tried in found):
        reasons = "; ".join(f"{tried.strategy.name}: {tried.failure}" for tried in found)
        raise ValueError(f"no candidate got through its rounds ({reasons})")
    return sorted(found, key=lambda tried: tried.loss)


def why(found: Sequence[Tried], rounds: int) -> str:
    """One sentence for a person: who won, by how much, over whom."""
    first, *others = found
    text = (
        f"{first.strategy.name} after {rounds} rounds: validation loss {first.loss:.3f}, "
        f"accuracy {first.accuracy:.3f}"
    )
    lost = [
        f"{tried.strategy.name} {tried.failure or format(tried.loss, '.3f')}" for tried in others
    ]
    return f"{text}; behind it {', '.join(lost)}" if lost else text
