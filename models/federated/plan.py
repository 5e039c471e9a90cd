"""What a run is told, what a round tells, and what a server carries from one to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.federated.arrays import Arrays
from models.federated.codec import Codec
from models.federated.devices import Stragglers
from models.federated.events import Event
from models.federated.privacy import Privacy
from models.federated.secure import Secure
from models.federated.selection import Selection
from models.federated.strategies import StrategySettings


@dataclass(frozen=True)
class Plan:
    """How a run goes.

    Args:
        rounds: at most.
        seed: of everything random.
        rate: learning rate of the clients' steps.
        strategy, privacy, selection, stragglers: see there.
        upload, download: how updates travel.
        secure: for the levels that mask updates.
        timeout: seconds that a client may take to answer, or None.
        patience: rounds in a row that may fail before the run ends.
    """

    rounds: int
    seed: int
    rate: float
    strategy: StrategySettings
    selection: Selection
    privacy: Privacy = field(default_factory=lambda: Privacy("none"))
    stragglers: Stragglers = field(default_factory=lambda: Stragglers("wait", 0.0))
    upload: Codec = field(default_factory=lambda: Codec("none"))
    download: Codec = field(default_factory=lambda: Codec("none"))
    secure: Secure | None = None
    timeout: float | None = None
    patience: int = 3


@dataclass(frozen=True)
class Part:
    """What a client added to a round: digest of its update as sent, its weight, its figures."""

    partition: int
    client: str
    digest: str
    weight: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class Round:
    """What one round brought.

    Args:
        number: from 1.
        arrays: the global weights after it.
        parts: of the clients whose updates are in it.
        events: what was kept out, and why.
        metrics: mean of the clients' figures.
        bytes_up, bytes_down: of array records, as they were sent.
        epsilon: spent so far, None where no noise is added.
    """

    number: int
    arrays: Arrays
    parts: list[Part]
    events: list[Event]
    metrics: dict[str, float]
    bytes_up: int
    bytes_down: int
    epsilon: float | None


class StalledError(Exception):
    """Too many rounds in a row came to nothing."""


@dataclass
class Progress:
    """What the server carries from round to round, besides weights and strategy.

    `still` is the round since which clients start from weights that hardly move.
    """

    round: int = 0
    still: int = 1
    noisy_rounds: int = 0
    failed: int = 0
    taken: dict[int, int] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)
    asked: dict[int, int] = field(default_factory=dict)
    answered: dict[int, int] = field(default_factory=dict)

    def note(self, parts: list[Part], *, failed: bool) -> None:
        """After a round: who took part in it, or that it came to nothing."""
        self.failed = self.failed + 1 if failed else 0
        for part in parts:
            self.taken[part.partition] = self.taken.get(part.partition, 0) + 1
            if "train_loss" in part.metrics:
                self.losses[part.partition] = part.metrics["train_loss"]

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Progress":
        """From JSON types, where keys are strings."""
        values: dict[str, Any] = {
            name: {int(k): v for k, v in value.items()} if isinstance(value, dict) else value
            for name, value in plain.items()
        }
        return cls(**values)
