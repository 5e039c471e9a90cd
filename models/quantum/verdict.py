"""Did the quantum head help? Paired over seeds and test rows, corrected for how often we ask.

Every head answers the same test rows once a seed. Chance over seeds is tested by sign flips of the
difference in right answers (models/permutation.py), with Holm's correction over all opponents;
the interval of the difference resamples whole groups of rows and seeds together, so that it also
says how much hangs on which rows were tested. A gain has to pass both, against every opponent.

Shapes: S seeds, N rows, G groups.
Sources: Field & Welsh 2007 (https://doi.org/10.1111/j.1467-9868.2007.00593.x: bootstrap of crossed
factors); Demsar 2006 (https://jmlr.org/papers/v7/demsar06a.html: several classifiers, Holm).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.permutation import holm, sign_flip_p

Role = Literal["quantum", "classical", "unentangled", "linear", "backbone"]


@dataclass(frozen=True)
class Scored:
    """What one kind of head did.

    Args:
        name: of the head.
        role: what it is here for; `classical` heads have as many parameters as the quantum one.
        parameters: that were trained.
        validation: accuracy on validation rows (S,).
        right: which test rows it got right (S, N); one row (1, N) where nothing depends on a seed.
        cpu_seconds: of training, one a seed (S,).
    """

    name: str
    role: Role
    parameters: int
    validation: NDArray[np.float64]
    right: NDArray[np.bool_]
    cpu_seconds: NDArray[np.float64]

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())


@dataclass(frozen=True)
class Contrast:
    """The quantum head against one opponent.

    Args:
        against: name of the opponent.
        role: of the opponent.
        difference, low, high: test accuracy of the quantum head minus that of the opponent, and its
            95% interval over groups and seeds.
        effect: mean of the differences over seeds by their standard deviation (Cohen's d for
            pairs); None where they do not vary.
        p_value: two-sided, over seeds.
        adjusted: the same, corrected for all contrasts of the verdict.
    """

    against: str
    role: Role
    difference: float
    low: float
    high: float
    effect: float | None
    p_value: float
    adjusted: float

    def better(self, level: float) -> bool:
        """Whether seeds and rows both speak for the quantum head."""
        return self.low > 0 and self.adjusted <= level

    def worse(self, level: float) -> bool:
        return self.high < 0 and self.adjusted <= level


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Args:
        contrasts: against every opponent.
        best: name of the parameter-matched classical head with the best validation accuracy.
        level: highest corrected p value that counts.
        seeds: how many each head was trained with.
    """

    contrasts: tuple[Contrast, ...]
    best: str
    level: float
    seeds: int

    @property
    def gain(self) -> bool:
        """Whether the quantum head beats every opponent."""
        return all(one.better(self.level) for one in self.contrasts)

    @property
    def main(self) -> Contrast:
        """Against the best matched classical head."""
        return next(one for one in self.contrasts if one.against == self.best)

    def sentence(self, cost: float | None = None) -> str:
        """The answer in one plain sentence.

        Args:
            cost: CPU time of training by that of the best classical head; left out if None.
        """
        main = self.main
        if self.gain:
            said = "a gain over"
        elif main.worse(self.level):
            said = "worse than"
        else:
            said = "no gain over"
        price = "" if cost is None else f", {cost:.2g}x the cost"
        numbers = (
            f"{100 * main.difference:+.1f} points [{100 * main.low:.1f}, {100 * main.high:.1f}], "
            f"p = {main.adjusted:.2g}{price}"
        )
        text = f"{said} the best matched classical head ({main.against}): {numbers}"
        if not self.gain and main.better(self.level):
            spoilers = ", ".join(o.against for o in self.contrasts if not o.better(self.level))
            said = "better than the best matched classical head"
            text = f"{said} ({main.against}), but not shown to beat {spoilers}: {numbers}"
        return text

    def plain(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            "gain": self.gain,
            "best_classical": self.best,
            "level": self.level,
            "seeds": self.seeds,
            "sentence": self.sentence(),
            "contrasts": [asdict(one) for one in self.contrasts],
        }


def judge(
    heads: Sequence[Scored],
    group: NDArray[np.str_],
    *,
    level: float,
    resamples: int,
    draws: int,
    seed: int,
) -> Verdict:
    """Hold the one quantum head against all others.

    Args:
        heads: exactly one `quantum`, at least one `classical`; all asked about the same rows.
        group: of each row (N,); a group is resampled whole.
        level: highest corrected p value that counts.
        resamples: of the bootstrap.
        draws: of sign flips, where not all of them are counted.
        seed: of both.

    Raises:
        ValueError: heads are missing, or rows or seeds differ between heads.
    """
    ours = [head for head in heads if head.role == "quantum"]
    classical = [head for head in heads if head.role == "classical"]
    if len(ours) != 1 or not classical:
        raise ValueError(
            f"{len(ours)} quantum and {len(classical)} classical heads: a verdict needs exactly 1 "
            "and at least 1"
        )
    quantum = ours[0]
    seeds, rows = quantum.right.shape
    for head in heads:
        if head.right.shape not in ((seeds, rows), (1, rows)) or rows != len(group):
            raise ValueError(
                f"head {head.name!r} answered {head.right.shape} (seeds, rows), the quantum head "
                f"{quantum.right.shape}, with {len(group)} groups: nothing can be paired"
            )
    others = [head for head in heads if head is not quantum]
    leads = [quantum.right.astype(np.int64) - head.right for head in others]  # (S, N)
    p_values = [
        sign_flip_p(lead.sum(1), draws=draws, seed=seed, two_sided=True)[0] for lead in leads
    ]
    found = tuple(
        _contrast(head, lead, group, p, adjusted, resamples, seed)
        for head, lead, p, adjusted in zip(others, leads, p_values, holm(p_values), strict=True)
    )
    best = max(classical, key=lambda head: float(head.validation.mean()))
    return Verdict(found, best.name, level, seeds)


def _contrast(
    head: Scored,
    lead_SN: NDArray[np.int64],
    group: NDArray[np.str_],
    p_value: float,
    adjusted: float,
    resamples: int,
    seed: int,
) -> Contrast:
    by_seed = lead_SN.mean(1)
    spread = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else 0.0
    low, high = _interval(lead_SN, group, resamples, seed)
    return Contrast(
        head.name,
        head.role,
        float(lead_SN.mean()),
        low,
        high,
        float(by_seed.mean()) / spread if spread > 0 else None,
        p_value,
        adjusted,
    )


def _interval(
    lead_SN: NDArray[np.int64], group: NDArray[np.str_], resamples: int, seed: int
) -> tuple[float, float]:
    """95% interval of the mean lead, seeds and groups resampled independently of each other."""
    names, index = np.unique(group, return_inverse=True)
    groups, seeds = len(names), len(lead_SN)
    sums_SG = np.stack([np.bincount(index, weights=row, minlength=groups) for row in lead_SN])
    counts_G = np.bincount(index, minlength=groups)
    random = np.random.default_rng(seed)
    of_G = random.multinomial(groups, np.full(groups, 1 / groups), size=resamples)
    of_S = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)
    total = np.einsum("rs,sg,rg->r", of_S, sums_SG, of_G)
    drawn = total / (seeds * (of_G @ counts_G))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
