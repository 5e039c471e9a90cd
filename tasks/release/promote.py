"""Is the candidate better than the champion? A paired test over groups, on the same test clips.

Both models answered the same clips. Clips of one group share their concept, so groups, not clips,
are the independent units. If neither model were better, swapping the two models' answers within any
group would change nothing: the distribution of the difference under all such swaps is what chance
alone gives (sign-flip permutation test, models/permutation.py). No tuning.
"""

from dataclasses import dataclass

import pandas as pd

from models.permutation import sign_flip_p

COLUMNS = ("id", "group", "language", "label", "predicted")
"""What is needed of a model's predictions, one row a test clip."""


@dataclass(frozen=True)
class Comparison:
    """How a candidate did against a champion on the same clips.

    Args:
        candidate: share of clips that it got right.
        champion: the same of the present champion.
        clips: how many both answered.
        groups: how many groups they come from.
        p_value: chance of a lead at least this large if neither were better (one-sided).
        exact: whether all swaps were counted, or some drawn at random.
    """

    candidate: float
    champion: float
    clips: int
    groups: int
    p_value: float
    exact: bool

    def better(self, level: float) -> bool:
        """Whether the candidate leads, beyond what chance gives in `level` of cases."""
        return self.candidate > self.champion and self.p_value <= level

    def sentence(self, level: float) -> str:
        """The finding in words, for the log and for people."""
        verdict = "better than" if self.better(level) else "not shown to be better than"
        how = "exact" if self.exact else "drawn"
        return (
            f"candidate is {verdict} the champion: accuracy {self.candidate:.4f} against "
            f"{self.champion:.4f} on the same {self.clips} clips of {self.groups} groups, "
            f"one-sided p = {self.p_value:.4g} (level {level:g}, {how} sign flips)"
        )


def compare(
    candidate: pd.DataFrame, champion: pd.DataFrame, *, draws: int, seed: int
) -> Comparison:
    """Compare two models' answers to the same test clips.

    Args:
        candidate: its predictions, columns as in `COLUMNS`.
        champion: the same of the present champion.
        draws: sign flips to draw; all are counted where they are no more than this.
        seed: of the draws.

    Raises:
        ValueError: the two did not answer the same clips.
    """
    if not same_clips(candidate, champion):
        raise ValueError("the two models answered different clips: nothing can be paired")
    new, old = (_right(frame) for frame in (candidate, champion))
    lead_G = (new - old).groupby(candidate.set_index("id")["group"]).sum().to_numpy()
    p_value, exact = sign_flip_p(lead_G, draws=draws, seed=seed)
    return Comparison(
        candidate=float(new.mean()),
        champion=float(old.mean()),
        clips=len(new),
        groups=len(lead_G),
        p_value=p_value,
        exact=exact,
    )


def same_clips(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Whether two models were asked about the same clips, in the same groups, with one truth."""
    asked = ["id", "group", "label"]
    a, b = (frame[asked].sort_values("id", ignore_index=True) for frame in (first, second))
    return a.equals(b)


def _right(predictions: pd.DataFrame) -> pd.Series:
    """1 where the answer is right, 0 where not, by clip id."""
    by_id = predictions.set_index("id")
    return (by_id["label"] == by_id["predicted"]).astype(int)
