"""Clients that poison: what they do to their rows or to their update, and what it achieves.

Sources: label flip, Tolpegin et al. 2020 (https://arxiv.org/abs/2007.08432); sign flip, Li et al.
2019 (https://arxiv.org/abs/1811.03761); scaled updates and the backdoor, Bagdasaryan et al. 2020
(https://arxiv.org/abs/1807.00459) with the pixel trigger of Gu et al. 2017
(https://arxiv.org/abs/1708.06733).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.federated.arrays import Arrays, subtract
from models.federated.learner import Learned, Learner, Work
from models.federated.seeds import generator
from models.federated.softmax import BIAS, WEIGHT, SoftmaxLearner

Name = Literal["label_flip", "sign_flip", "scaled", "backdoor"]
ATTACKS: tuple[Name, ...] = ("label_flip", "sign_flip", "scaled", "backdoor")


@dataclass(frozen=True)
class Trigger:
    """A mark on a picture, and the class that it is meant to bring about.

    Args:
        places: of the inputs that are set.
        value: that they are set to.
        target: class.
    """

    places: tuple[int, ...]
    value: float
    target: int

    def on(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows with the mark."""
        marked = x.copy()
        marked[:, list(self.places)] = self.value
        return marked


CORNER = Trigger(places=(0, 1, 8, 9), value=1.0, target=0)
"""The two by two pixels of the upper left corner of an 8 x 8 picture, at full ink."""


@dataclass(frozen=True)
class Attack:
    """What the hostile clients do.

    Args:
        name: label_flip trains on classes counted from the other end (C - 1 - y); sign_flip sends
            the update times -factor; scaled flips labels and sends what it learned times factor;
            backdoor trains on every row a second time, with the trigger and its target class.
        factor: of sign_flip and scaled.
        trigger: of the backdoor.
    """

    name: Name
    factor: float = 1.0
    trigger: Trigger = CORNER


USUAL = {
    "label_flip": Attack("label_flip"),
    "sign_flip": Attack("sign_flip", factor=3.0),
    "scaled": Attack("scaled", factor=10.0),
    "backdoor": Attack("backdoor"),
}
"""As strong as the benchmark has them: a fifth of the clients with three times the update, turned
round, take away more than half of what the others learn."""


@dataclass
class Resized:
    """A client that sends its update times a number."""

    inner: Learner
    factor: float

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def examples(self) -> int:
        return self.inner.examples

    def train(self, arrays: Arrays, work: Work) -> Learned:
        learned = self.inner.train(arrays, work)
        update = subtract(learned.arrays, arrays)
        sent = {n: x + np.float32(self.factor) * update[n] for n, x in arrays.items()}
        return replace(learned, arrays=sent)

    def evaluate(self, arrays: Arrays) -> dict[str, float]:
        return self.inner.evaluate(arrays)


def attackers(clients: int, share: float, *, seed: int) -> set[int]:
    """Which clients are hostile: `share` of them, rounded, drawn at random."""
    if not 0 <= share < 0.5:
        raise ValueError(f"share={share:g}: allowed is 0 to below 0.5, nothing resists a majority")
    drawn = generator(seed, "attackers").permutation(clients)[: round(share * clients)]
    return {int(client) for client in drawn}


def poisoned(learner: SoftmaxLearner, attack: Attack) -> Learner:
    """The client gone over to the other side."""
    flipped = replace(learner, y=learner.classes - 1 - learner.y)
    if attack.name == "label_flip":
        return flipped
    if attack.name == "scaled":
        return Resized(flipped, attack.factor)
    if attack.name == "sign_flip":
        return Resized(learner, -attack.factor)
    marked = attack.trigger.on(learner.x)
    aimed = np.full_like(learner.y, attack.trigger.target)
    both = np.concatenate([learner.x, marked])
    return replace(learner, x=both, y=np.concatenate([learner.y, aimed]))


def with_attackers(
    learners: Sequence[SoftmaxLearner], attack: Attack | None, *, share: float, seed: int
) -> list[Learner]:
    """All clients, `share` of them hostile; the same ones for every attack with this seed."""
    hostile = attackers(len(learners), share, seed=seed) if attack else set()
    return [
        poisoned(learner, attack) if attack and i in hostile else learner
        for i, learner in enumerate(learners)
    ]


def backdoor_success(
    arrays: Arrays, x: NDArray[np.float32], y: NDArray[np.int64], trigger: Trigger
) -> float:
    """Share of rows of other classes that the trigger turns into its target.

    Args:
        arrays: of the softmax model.
        x, y: test rows, without the trigger.
        trigger: that is set on them.
    """
    others = y != trigger.target
    if not others.any():
        raise ValueError(f"every row is of class {trigger.target}, the target: none can be turned")
    marked = trigger.on(x[others])
    return float(((marked @ arrays[WEIGHT] + arrays[BIAS]).argmax(1) == trigger.target).mean())
