"""What a client can do with a model, whatever the model is: learn from its own data, and judge."""

from dataclasses import dataclass
from typing import Protocol

from models.federated.arrays import Arrays


@dataclass(frozen=True)
class Work:
    """What a client is asked to do in one round.

    Args:
        round: its number, from 1.
        seed: of everything random that the client does in this round.
        rate: learning rate of the local steps.
        share: of the local work that the client manages, above 0 and at most 1 (partial work).
        mu: weight of FedProx's pull towards the weights it was sent, 0 for none.
        correction: added to every gradient (SCAFFOLD's c - c_i), or None.
    """

    round: int
    seed: int
    rate: float
    share: float = 1.0
    mu: float = 0.0
    correction: Arrays | None = None


@dataclass(frozen=True)
class Learned:
    """What came out of it.

    Args:
        arrays: the weights after local training, same names and shapes as those that were sent.
        examples: rows that the client has to learn from.
        steps: local steps taken, weighed as FedNova counts them (a_i): their number for plain SGD.
        metrics: figures of this round, such as the training loss.
    """

    arrays: Arrays
    examples: int
    steps: float
    metrics: dict[str, float]


class Learner(Protocol):
    """A client's model and data. Each call stands for itself."""

    @property
    def name(self) -> str:
        """Of the client, as logs and tables show it."""

    @property
    def examples(self) -> int:
        """Rows that it learns from."""

    def train(self, arrays: Arrays, work: Work) -> Learned:
        """Learn from the own data, starting from these weights; same arguments, same result."""

    def evaluate(self, arrays: Arrays) -> dict[str, float]:
        """Figures on the own validation rows; `num-examples` among them, 0 where there are none."""
