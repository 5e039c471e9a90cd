"""What the release stage reads: the trained model, its figures, and the data it was tested on."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from blake3 import blake3

from provenance import Artifact
from provenance.releases import CONFIG, PREDICTIONS, WEIGHTS
from tasks.errors import InputError
from tasks.upstream import upstream
from tasks.workspace import Workspace

METRICS = "metrics.json"
REPORT = "report.json"
SPLIT_COLUMNS = (
    "id",
    "group",
    "language",
    "label",
    "caption",
    "text",
    "image_blake3",
    "audio_blake3",
)
"""What makes a test clip the same clip: its content and its truth, not its quality scores."""


@dataclass(frozen=True)
class Source:
    """Everything upstream, verified.

    Args:
        model: weights, config and predictions, by file name.
        metrics: the train stage's figures, nested.
        config: what the model is, as the train stage wrote it.
        manifest: one row a clip.
        report: what the ingest stage says about the data.
        split: digest of the test clips.
        inputs: all the artifacts above, for the provenance entry.
    """

    model: dict[str, Artifact]
    metrics: dict[str, Any]
    config: dict[str, Any]
    manifest: pd.DataFrame
    report: dict[str, Any]
    split: str
    inputs: tuple[Artifact, ...]


def read_source(workspace: Workspace) -> Source:
    """Read the outputs of ingest and train.

    Raises:
        InputError: one is missing or is not the JSON that its stage writes.
        TamperedError: one was changed after it was logged.
    """
    train = workspace.stage("train")
    model = {name: upstream(workspace, train / name) for name in (WEIGHTS, CONFIG, PREDICTIONS)}
    metrics = upstream(workspace, train / METRICS)
    report = upstream(workspace, workspace.stage("ingest") / REPORT)
    table = upstream(workspace, workspace.manifest)
    manifest = pd.read_parquet(table.verified())
    return Source(
        model=model,
        metrics=_read(metrics),
        config=_read(model[CONFIG]),
        manifest=manifest,
        report=_read(report),
        split=split_digest(manifest),
        inputs=(*model.values(), metrics, table, report),
    )


def split_digest(manifest: pd.DataFrame) -> str:
    """BLAKE3 over the test clips of a manifest: what they show and say, and what they are."""
    test = manifest[(manifest["split"] == "test") & manifest["is_class"]]
    rows = test.sort_values("id")[list(SPLIT_COLUMNS)].to_json(
        orient="records", lines=True, force_ascii=False
    )
    return blake3(rows.encode()).hexdigest()


def _read(artifact: Artifact) -> dict[str, Any]:
    path: Path = artifact.verified()
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{path} is not JSON ({error}): run the stage that makes it again"
        ) from None
    return values
