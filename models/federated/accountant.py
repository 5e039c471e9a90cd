"""What a run's releases cost together: epsilon at a fixed delta, by two methods of dp-accounting.

Privacy loss distributions (PLD) give the tighter number, which counts; Renyi's (RDP, Mironov 2017,
https://arxiv.org/abs/1702.07476) is told beside it, as most papers state it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import dp_accounting
from dp_accounting import pld, rdp

from models.federated.privacy import Privacy

ADD_OR_REMOVE = "add or remove one client with all its data"
REPLACE = "replace one client's data by any other"


class BudgetSpentError(Exception):
    """The next round would cost more than is left."""


@dataclass(frozen=True)
class Accountant:
    """Counts rounds of one mechanism.

    Args:
        privacy: level, noise multiplier and budget.
        sampled: share of clients that Poisson sampling takes each round; 1 where the choice of
            clients gives no amplification that can be proved.
    """

    privacy: Privacy
    sampled: float = 1.0

    def epsilon(self, rounds: int) -> float:
        """By PLD, after so many rounds; 0 before the first."""
        return _epsilon(
            "pld", self.privacy.noise_multiplier, self.sampled, rounds, self.privacy.delta
        )

    def epsilon_rdp(self, rounds: int) -> float:
        """By RDP."""
        return _epsilon(
            "rdp", self.privacy.noise_multiplier, self.sampled, rounds, self.privacy.delta
        )

    def check(self, rounds: int) -> None:
        """Before round number `rounds`.

        Raises:
            BudgetSpentError: after it, epsilon would be above the budget.
        """
        if (after := self.epsilon(rounds)) > self.privacy.epsilon:
            spent = self.epsilon(rounds - 1)
            raise BudgetSpentError(
                f"round {rounds} would bring epsilon to {after:.3g}, the budget is "
                f"{self.privacy.epsilon:g} (spent: {spent:.3g} at delta {self.privacy.delta:g}): "
                "raise noise_multiplier or epsilon"
            )

    def affordable(self, rounds: int) -> int:
        """How many of these rounds the budget allows."""
        low, high = 0, rounds
        while low < high:
            middle = (low + high + 1) // 2
            if self.epsilon(middle) <= self.privacy.epsilon:
                low = middle
            else:
                high = middle - 1
        return low

    @property
    def relation(self) -> str:
        """Between which two worlds the guarantee tells no difference."""
        return REPLACE if self.privacy.level == "local_dp" else ADD_OR_REMOVE

    def statement(self, rounds: int) -> dict[str, Any]:
        """The guarantee as JSON types, with everything it rests on."""
        return {
            "level": self.privacy.level,
            "epsilon": self.epsilon(rounds),
            "epsilon_rdp": self.epsilon_rdp(rounds),
            "delta": self.privacy.delta,
            "budget": self.privacy.epsilon,
            "rounds": rounds,
            "noise_multiplier": self.privacy.noise_multiplier,
            "clip": self.privacy.clip,
            "sampling": f"Poisson, {self.sampled:g}" if self.sampled < 1 else "no amplification",
            "neighbouring": self.relation,
            "assumptions": assumptions(self.privacy),
        }


def assumptions(privacy: Privacy) -> list[str]:
    """What must hold for the number to mean something."""
    found = [
        "the unit is a client: one client's part in all rounds",
        "the vocabulary, the number of clients and their numbers of examples are public",
        "floating-point noise is taken as real-valued Gaussian noise",
    ]
    if privacy.noise == "seeded":
        found.append("noise is seeded: it protects against no one who knows the seed")
    if privacy.level == "central_dp":
        found.append("the server is trusted: it sees every update before it adds noise")
    if privacy.level == "secure_aggregation+dp":
        found += [
            "the server follows the protocol, and clients add their shares of the noise",
            "masked numbers are rounded to a grid finer than the noise: that is not accounted for",
        ]
    return found


@lru_cache(maxsize=4096)
def _epsilon(method: str, multiplier: float, sampled: float, rounds: int, delta: float) -> float:
    if not rounds:
        return 0.0
    if multiplier <= 0:
        return float("inf")
    event: Any = dp_accounting.GaussianDpEvent(multiplier)
    if sampled == 1 and method == "pld":
        # T Gaussian releases are one with a noise multiplier of z / sqrt(T), whose privacy loss
        # distribution is known in closed form (Balle & Wang 2018, https://arxiv.org/abs/1805.06530).
        return float(dp_accounting.get_epsilon_gaussian(multiplier / rounds**0.5, delta))
    if sampled < 1:
        event = dp_accounting.PoissonSampledDpEvent(sampled, event)
    found: Any = pld.PLDAccountant() if method == "pld" else rdp.RdpAccountant()
    found.compose(dp_accounting.SelfComposedDpEvent(event, rounds))
    return float(found.get_epsilon(delta))
