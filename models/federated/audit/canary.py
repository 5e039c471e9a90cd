"""Canaries: clients with a pattern of their own, half of which take part. Who can tell which?

The unit of the privacy levels is a client, so a canary is a client too. Each has one input that no
one else uses and a label drawn at random: nothing but its own update can teach that label. Whether
it takes part is a fair coin of its own, as the bound on epsilon assumes.

Sources: Steinke, Nasr, Jagielski 2023 (https://arxiv.org/abs/2305.08846: an audit from one run);
Newcombe 2006 (https://doi.org/10.1002/sim.2324: method 5, an interval of the AUC that also holds
where the AUC is 1); Watson et al. 2021 (https://arxiv.org/abs/2111.08440: losses are compared with
those of an input that shows how hard the label is).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binom, norm, rankdata

from models.federated.arrays import Arrays
from models.federated.softmax import BIAS, WEIGHT, softmax
from models.metrics import Interval

HIGHEST = 30.0
"""No audit tells of more than this epsilon: a guess would be wrong once in 10 ** 13."""


@dataclass(frozen=True)
class Canaries:
    """M canary clients.

    Args:
        x: (M, D + M) float32, zero but for the own input of each.
        y: (M,) labels, drawn at random.
        member: (M,) whether it takes part.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    member: NDArray[np.bool_]


def plant(count: int, *, features: int, classes: int, seed: int, strength: float = 3.0) -> Canaries:
    """Canaries for a model that is given M inputs more than its data have.

    Args:
        count: of canaries, M.
        features: of the ordinary data, D; see `widened`.
        classes: labels to draw from.
        seed: of labels and coins.
        strength: value of a canary's own input; ordinary ones are around 1.
    """
    if count < 1:
        raise ValueError(f"count={count}: an audit needs at least 1 canary")
    rng = np.random.default_rng(seed)
    x = np.zeros((count, features + count), np.float32)
    x[np.arange(count), features + np.arange(count)] = strength
    return Canaries(x, rng.integers(0, classes, count), rng.random(count) < 0.5)


def widened(x: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Ordinary rows (N, D) with the canaries' inputs, at zero: (N, D + count)."""
    return np.pad(x, ((0, 0), (0, count)))


def memory_scores(arrays: Arrays, canaries: Canaries) -> NDArray[np.float64]:
    """How well a model knows each canary (M,): its loss on a blank input with the same label, less
    that on the canary. Higher for those that it learned from."""
    return _losses(arrays, np.zeros_like(canaries.x), canaries.y) - _losses(
        arrays, canaries.x, canaries.y
    )


def auc(scores: NDArray[np.floating], member: NDArray[np.bool_]) -> Interval:
    """Chance that a member scores higher than one that is none, with a 95% interval.

    Args:
        scores: (M,), higher for those that look like members; equal ones count half.
        member: (M,).

    Raises:
        ValueError: all or none are members.
    """
    inside, outside = int(member.sum()), int((~member).sum())
    if not inside or not outside:
        raise ValueError(f"{inside} members, {outside} others: an AUC needs at least one of each")
    ranks = rankdata(scores)
    wins = ranks[member].sum() - inside * (inside + 1) / 2
    value = float(wins / (inside * outside))
    return Interval(value, *_newcombe(value, inside, outside))


def guess(scores: NDArray[np.floating], member: NDArray[np.bool_], share: float) -> tuple[int, int]:
    """How many guesses are right, and how many are made: the `share` of canaries with the highest
    scores are taken for members, as many with the lowest for others; the rest is left open.

    Args:
        scores, member: (M,).
        share: above 0 to 0.5. Fixed before scores are seen: the best of several would not bound
            epsilon.
    """
    if not 0 < share <= 0.5:
        raise ValueError(f"share={share:g}: allowed is above 0 to 0.5 (each end is guessed)")
    count = max(1, int(share * len(scores)))
    order = np.argsort(scores, kind="stable")
    right = int((~member[order[:count]]).sum() + member[order[-count:]].sum())
    return right, 2 * count


def epsilon_lower_bound(
    correct: int, guesses: int, *, canaries: int, confidence: float = 0.95, delta: float = 0.0
) -> float:
    """The smallest epsilon that so many right guesses do not contradict.

    Under (epsilon, delta)-DP they are at most as many as those of randomised response, whose every
    guess is right with probability e^epsilon / (1 + e^epsilon), but for a term in delta (Steinke et
    al. 2023, theorem 5.2 with the improvement of appendix D).

    Args:
        correct: right guesses.
        guesses: made; the other canaries were left open.
        canaries: all of them, M; each took part by a fair coin.
        confidence: that the bound holds, 0 to 1.
        delta: of the claim that is tested.

    Returns:
        0 where the guesses tell nothing, at most HIGHEST.
    """
    if not 0 <= correct <= guesses <= canaries:
        raise ValueError(
            f"correct={correct}, guesses={guesses}, canaries={canaries}: allowed is "
            "0 <= correct <= guesses <= canaries"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence:g}: allowed is above 0 and below 1")

    def contradicts(epsilon: float) -> float:
        return chance(correct, guesses, canaries, epsilon, delta) - (1 - confidence)

    if contradicts(0.0) >= 0:
        return 0.0
    return HIGHEST if contradicts(HIGHEST) < 0 else float(brentq(contradicts, 0.0, HIGHEST))


def chance(correct: int, guesses: int, canaries: int, epsilon: float, delta: float) -> float:
    """At most how probable so many right guesses are under (epsilon, delta)-DP."""
    right = 1 / (1 + np.exp(-epsilon))
    tail = float(binom.sf(correct - 1, guesses, right))
    if not delta or not correct:
        return tail
    fewer = np.cumsum(binom.pmf(np.arange(correct - 1, -1, -1), guesses, right))
    worst = float((fewer / np.arange(1, correct + 1)).max())
    return min(1.0, tail + 2 * canaries * delta * worst)


def told(
    scores: NDArray[np.floating],
    member: NDArray[np.bool_],
    *,
    share: float = 0.25,
    delta: float = 0.0,
) -> dict[str, Any]:
    """The audit's outcome as JSON types: AUC with interval, guesses, bound on epsilon."""
    right, made = guess(scores, member, share)
    bound = epsilon_lower_bound(right, made, canaries=len(scores), delta=delta)
    return {
        **auc(scores, member).flat("auc"),
        "correct": right,
        "guesses": made,
        "canaries": len(scores),
        "epsilon_at_least": bound,
    }


def _losses(arrays: Arrays, x: NDArray[np.float32], y: NDArray[np.int64]) -> NDArray[np.float64]:
    p = softmax(x @ arrays[WEIGHT] + arrays[BIAS])[np.arange(len(y)), y]
    losses: NDArray[np.float64] = -np.log(np.maximum(p.astype(np.float64), 1e-30))
    return losses


def _newcombe(value: float, inside: int, outside: int) -> tuple[float, float]:
    """Where the distance to the value is z standard errors, taken at the limit itself."""
    z, both = float(norm.ppf(0.975)), (inside + outside) / 2 - 1

    def beyond(limit: float) -> float:
        spread = 1 + both * ((1 - limit) / (2 - limit) + limit / (1 + limit))
        return (value - limit) ** 2 - z**2 * limit * (1 - limit) * spread / (inside * outside)

    # 0 and 1 themselves solve the equation where the value is one of them; not what is meant.
    inner = float(np.clip(value, 1e-12, 1 - 1e-12))
    low = 0.0 if value <= 0 else float(brentq(beyond, 0.0, inner))
    high = 1.0 if value >= 1 else float(brentq(beyond, inner, 1.0))
    return low, high
