"""Who is champion after this release: the rules, in the order in which they are asked.

1. No champion yet: the candidate, which has passed the gate, becomes it.
2. The candidate is the champion, byte for byte: it stays.
3. The champion was tested on other clips: nothing can be paired, and its old figures measure
   something else; `release.promotion.on_new_test_split` says what to do.
4. Otherwise the candidate must be better on the same clips, beyond chance (promote.py).
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from provenance import Artifact
from provenance.releases import CONFIG, PREDICTIONS, WEIGHTS, Release
from tasks.params.release import PromotionParams
from tasks.release.promote import COLUMNS, Comparison, compare
from tasks.release.source import Source


@dataclass(frozen=True)
class Decision:
    """What becomes of a candidate.

    Args:
        champion: whether it is champion from now on.
        reason: why, in a sentence.
        comparison: the paired test, where there was one.
    """

    champion: bool
    reason: str
    comparison: Comparison | None = None


def decide(
    source: Source, present: Release | None, root: Path, params: PromotionParams
) -> Decision:
    """Apply the rules above.

    Args:
        source: the candidate, verified.
        present: the champion, as the log has it.
        root: of the workspace, for the champion's predictions.
        params: `release.promotion`.

    Raises:
        TamperedError: the champion's predictions are not the logged ones.
    """
    if present is None:
        return Decision(True, "first model of this name to pass the gate")
    if _is_same_model(source.model, present):
        return Decision(True, f"same bytes as the champion, version {present.version}")
    if present.test_split != source.split:
        return _on_new_split(present, params)
    candidate = read_predictions(source.model[PREDICTIONS])
    champion = read_predictions(present.artifact(root, PREDICTIONS))
    found = compare(candidate, champion, draws=params.draws, seed=params.seed)
    return Decision(found.better(params.level), found.sentence(params.level), found)


def _is_same_model(model: dict[str, Artifact], release: Release) -> bool:
    """Whether weights and config are the released ones."""
    return all(model[name].digest == release.digest(name) for name in (WEIGHTS, CONFIG))


def read_predictions(artifact: Artifact) -> pd.DataFrame:
    """A model's answers on the test clips, after checking the file's bytes.

    Raises:
        TamperedError: it is not the file that was logged, or is gone.
    """
    return pd.read_parquet(artifact.verified(), columns=list(COLUMNS))


def _on_new_split(present: Release, params: PromotionParams) -> Decision:
    promote = params.on_new_test_split == "promote"
    return Decision(
        promote,
        f"champion version {present.version} was tested on other clips, so nothing can be paired: "
        f"{'the candidate takes its place' if promote else 'it stays'} "
        f"(params.yaml, release.promotion.on_new_test_split: {params.on_new_test_split})",
    )
