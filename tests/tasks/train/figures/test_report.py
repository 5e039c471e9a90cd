"""The report ends up in MLflow, complete."""

import mlflow
import numpy as np
import pandas as pd

from models.batches import SUBSETS
from models.metrics import reliability
from tasks.params.validate import PixelBounds
from tasks.tracked import tracked_run
from tasks.train.evaluate import subset_name
from tasks.train.report import report

METRICS = {
    subset_name(subset): {"accuracy": 0.5, "accuracy_low": 0.2, "accuracy_high": 0.8}
    for subset in SUBSETS
}
RETRIEVAL = pd.DataFrame(
    {
        "direction": ["speech_to_text"],
        "language": ["fr"],
        "queries": [4],
        "candidates": [20],
        "r1": [0.5],
        "r5": [0.75],
        "r10": [1.0],
    }
)
ALL = {
    "confusion.png",
    "curves.png",
    "mistakes.html",
    "modalities.png",
    "reliability.png",
    "retrieval.html",
    "retrieval.png",
}


def reported(workspace, predictions, manifest, media, retrieval, epochs):
    workspace.manifest.parent.mkdir()
    manifest.to_parquet(workspace.manifest)
    media.rename(workspace.media)
    with tracked_run("train", PixelBounds(min=1, max=2), workspace=workspace) as run:
        for epoch in range(1, epochs + 1):
            run.metrics({"train_loss": 1 / epoch, "val_loss": 1.0, "val_accuracy": 0.5}, epoch)
        report(run, predictions, METRICS, retrieval, workspace, bins=5)
    names = {item.path for item in mlflow.MlflowClient().list_artifacts(run.run_id)}
    return names, run.run_id


def test_everything_is_there(workspace, predictions, manifest, media):
    names, run = reported(workspace, predictions, manifest, media, RETRIEVAL, epochs=2)
    assert names == ALL
    page = mlflow.artifacts.load_text(f"runs:/{run}/mistakes.html")
    # 4 of the 6 answers are wrong, of 3 items
    assert "4 of 6 clips" in page
    assert page.count("<article") == 3


def test_nothing_to_retrieve_and_no_epoch_in_this_run(workspace, predictions, manifest, media):
    names, _ = reported(workspace, predictions, manifest, media, RETRIEVAL.iloc[:0], epochs=0)
    assert names == ALL - {"curves.png", "retrieval.png", "retrieval.html"}


def test_diagram_and_metrics_tell_the_same_ece(predictions):
    """Both take the columns of `evaluate`; closed form over the six answers.

    Bins of 0.2: (0.4, 0.6] holds 0.6 wrong; (0.6, 0.8] 0.8 right, 0.7 wrong, 0.7 wrong; the last
    holds 0.9 wrong, 0.95 right. Gaps: 0.6 * 1, |2.2 - 1|, |1.85 - 1|, over 6.
    """
    probability = predictions.filter(like="probability:fused:").to_numpy()
    truth = np.array([0, 0, 1, 1, 2, 2])
    found = reliability(probability, truth, bins=5)
    assert np.isclose(found.ece, (0.6 + 1.2 + 0.85) / 6)
