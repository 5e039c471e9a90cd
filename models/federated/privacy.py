"""Privacy levels: what is added where, what may be combined with what, and why not otherwise.

Noise is always a multiple of the sensitivity that clipping enforces; there is no setting for one
without the other. The unit is a client: all that it sends in all rounds.
"""

from dataclasses import dataclass
from typing import Literal

from models.federated.codec import Codec
from models.federated.selection import Selection
from models.federated.strategies import ROBUST, STRATEGIES

Level = Literal["none", "local_dp", "central_dp", "secure_aggregation", "secure_aggregation+dp"]
NOISY = ("local_dp", "central_dp", "secure_aggregation+dp")
SECURE = ("secure_aggregation", "secure_aggregation+dp")


@dataclass(frozen=True)
class Privacy:
    """What is protected, and how well.

    Args:
        level: who must be trusted with what: docs/federated.md.
        clip: largest Euclidean norm of a client's update.
        noise_multiplier: standard deviation of the noise over the sensitivity: of one client in the
            sum for central levels (clip), of one client's own update for local_dp (2 * clip).
        epsilon, delta: the budget, over all rounds.
        noise: seeded repeats byte for byte, for experiments; system takes the operating system's
            randomness, which no one can repeat: the only one that protects against who knows the
            seed.
        adaptive: clipping that follows a quantile of the norms (Andrew et al. 2021,
            https://arxiv.org/abs/1905.03871), or None.
    """

    level: Level
    clip: float = 1.0
    noise_multiplier: float = 1.0
    epsilon: float = 8.0
    delta: float = 1e-5
    noise: Literal["seeded", "system"] = "system"
    adaptive: "Adaptive | None" = None

    @property
    def noisy(self) -> bool:
        return self.level in NOISY

    @property
    def secure(self) -> bool:
        return self.level in SECURE


@dataclass(frozen=True)
class Adaptive:
    """Clipping that adapts.

    Args:
        quantile: of the norms that clipping aims at.
        rate: of its steps, in logarithms.
        count_noise: standard deviation of the noise on how many were below; it is part of what
            the accountant counts, so it must be above 0.
    """

    quantile: float
    rate: float
    count_noise: float


def refusals(
    privacy: Privacy, strategy: str, selection: Selection, upload: Codec, *, stragglers: str
) -> list[str]:
    """Why these settings cannot be combined; empty where they can. Each says what to change."""
    found = []
    robust, mean = strategy in ROBUST, STRATEGIES[strategy].mean
    if privacy.secure and robust:
        found.append(
            f"secure aggregation with {strategy}: it must see single updates, which secure "
            "aggregation hides; take fedavg, fedprox, fedavgm, fedadam, fedyogi or fedadagrad"
        )
    elif privacy.level != "none" and privacy.level != "local_dp" and not mean:
        found.append(
            f"{privacy.level} with {strategy}: it uses more of the clients than their mean, so one "
            "client's influence is not bounded by clipping; take a strategy that averages"
        )
    if privacy.level == "local_dp" and strategy in ("scaffold", "fednova"):
        found.append(
            f"local_dp with {strategy}: clients would send control variates or step counts beside "
            "the noisy update, without noise; take another strategy"
        )
    if privacy.secure and upload.lossy:
        found.append(
            f"secure aggregation with {upload.name} uploads: masked numbers are added place by "
            "place, and each client would send other places (top_k), factors or scales; set "
            "upload to none"
        )
    if privacy.level != "none" and selection.policy == "loss":
        found.append(
            "privacy with loss-based selection: the choice of clients would tell their losses, "
            "which no one accounts for; take random, availability or fair"
        )
    if privacy.level != "none" and selection.policy == "qubo":
        found.append(
            "privacy with selection by QUBO: clients would tell their classes, and the choice "
            "their losses, which no one accounts for; take random, availability or fair"
        )
    if privacy.adaptive and privacy.level != "central_dp":
        found.append("adaptive clipping needs central_dp: elsewhere no one may count the norms")
    if privacy.adaptive and privacy.adaptive.count_noise <= 0:
        found.append(
            "adaptive clipping with count_noise 0: the counts that steer it would be released "
            "without accounting; set count_noise above 0 (a twentieth of the clients in a round)"
        )
    if selection.poisson and stragglers != "wait" and privacy.noisy:
        found.append(
            f"Poisson sampling with stragglers {stragglers!r}: who is left out would depend on "
            "more than the draw that the accountant knows; set stragglers to wait"
        )
    return found
