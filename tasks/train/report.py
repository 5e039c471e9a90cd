"""What a person looks at after training: figures, a table and the worst mistakes, in MLflow."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from models.batches import SUBSETS
from models.metrics import Interval, confusion, reliability
from tasks.tracked import TrackedRun
from tasks.train.evaluate import FUSED, subset_name
from tasks.train.figures.confusion import confusion_figure
from tasks.train.figures.curves import curves_figure
from tasks.train.figures.mistakes import worst_mistakes
from tasks.train.figures.reliability import reliability_figure
from tasks.train.figures.retrieval import retrieval_figure, retrieval_page
from tasks.train.figures.sheet import mistakes_page
from tasks.train.figures.subsets import subsets_figure
from tasks.workspace import Workspace

MISTAKES = 24
"""On the sheet: as many as one looks through, and small enough to open from a browser."""
CAPTIONS = ["id", "caption", "text", "image", "audio"]


def report(
    run: TrackedRun,
    predictions: pd.DataFrame,
    metrics: Mapping[str, Any],
    retrieval: pd.DataFrame,
    workspace: Workspace,
    *,
    bins: int,
) -> None:
    """Show how a model did.

    Args:
        run: gets the pictures and pages; its curves are drawn too.
        predictions, metrics, retrieval: as in `tasks.train.evaluate.Evaluation`.
        workspace: has the manifest and the media of the clips.
        bins: of the reliability diagram.
    """
    prefix = f"probability:{FUSED}:"
    probability = predictions.filter(like=prefix)
    classes = [name.removeprefix(prefix) for name in probability.columns]
    index = {name: place for place, name in enumerate(classes)}
    truth, answer = (
        np.array([index[name] for name in predictions[column]], dtype=np.int64)
        for column in ("label", "predicted")
    )
    table = confusion(answer, truth, len(classes))
    found = reliability(probability.to_numpy(dtype=float), truth, bins=bins)
    majority = float(table.sum(axis=1).max() / table.sum())
    run.picture("confusion.png", confusion_figure(table, classes))
    run.picture("reliability.png", reliability_figure(found))
    run.picture("modalities.png", subsets_figure(_intervals(metrics), majority))
    if len(retrieval):
        run.picture("retrieval.png", retrieval_figure(retrieval))
        run.page("retrieval.html", retrieval_page(retrieval))
    if run.curves:  # none where a kill came after the last epoch, and only this was left to do
        run.picture("curves.png", curves_figure(run.curves))
    run.page("mistakes.html", _mistakes(predictions, workspace))


def _intervals(metrics: Mapping[str, Any]) -> dict[str, Interval]:
    names = [subset_name(subset) for subset in SUBSETS]
    return {
        name: Interval(
            metrics[name]["accuracy"], metrics[name]["accuracy_low"], metrics[name]["accuracy_high"]
        )
        for name in names
    }


def _mistakes(predictions: pd.DataFrame, workspace: Workspace) -> str:
    manifest = pd.read_parquet(workspace.manifest, columns=CAPTIONS)
    worst = worst_mistakes(predictions, manifest, MISTAKES)
    wrong = int((predictions["predicted"] != predictions["label"]).sum())
    return mistakes_page(worst, workspace.media, wrong, len(predictions))
