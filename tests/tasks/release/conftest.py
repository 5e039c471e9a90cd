"""A workspace in which ingest and train have run, by hand and in miniature."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel
from safetensors.numpy import save_file

from provenance import Artifact
from tasks.params.release import GateParams, PromotionParams, ReleaseParams
from tasks.tracked import tracked_run
from tasks.workspace import Workspace

Data = Callable[..., None]
Train = Callable[..., None]
GROUPS = "aabbccddeeff"
"""Twelve test clips in six groups."""


class Nothing(BaseModel):
    """A section without settings."""


def params(**changes: Any) -> ReleaseParams:
    values: dict[str, Any] = {
        "name": "tiny",
        "licence": "Apache-2.0",
        "resamples": 100,
        "gate": GateParams(at_least={"fused.accuracy": 0.5}, at_most={}),
        "promotion": PromotionParams(level=0.05, draws=1000, seed=7, on_new_test_split="keep"),
    }
    return ReleaseParams(**{**values, **changes})


def manifest(*, caption: str = "a cow") -> pd.DataFrame:
    rows = [("test", group, i) for i, group in enumerate(GROUPS)]
    rows += [("train", group, i + 100) for i, group in enumerate("ttuuv")]
    frame = pd.DataFrame(rows, columns=["split", "group", "number"])
    return pd.DataFrame(
        {
            "id": [f"clip{number}" for number in frame["number"]],
            "group": frame["group"],
            "language": ["fr" if number % 2 else "be" for number in frame["number"]],
            "label": ["plants" if number % 3 else "animals" for number in frame["number"]],
            "is_class": True,
            "split": frame["split"],
            "caption": caption,
            "text": "une vache",
            "image_blake3": "1" * 64,
            "audio_blake3": "2" * 64,
        }
    )


@pytest.fixture
def data(workspace: Workspace) -> Callable[..., None]:
    """Make the outputs of the ingest stage."""

    def make(frame: pd.DataFrame | None = None) -> None:
        table = manifest() if frame is None else frame
        facts = {"package": "tiny-stamps", "licence": "GPL-2"}
        report = {"source": facts, "warnings": ["The voices are synthetic."]}
        with tracked_run("ingest", Nothing(), workspace=workspace) as run:
            run.publish(workspace.manifest, table.to_parquet)
            run.publish(
                workspace.stage("ingest") / "report.json",
                lambda path: path.write_text(json.dumps(report)) and None,
            )

    return make


@pytest.fixture
def train(workspace: Workspace) -> Train:
    """Make the outputs of the train stage: a model that gets the first `right` test clips right."""

    def make(*, right: int, weight: float, accuracy: float = 0.9) -> None:
        clips = pd.read_parquet(workspace.manifest).query("split == 'test'")
        wrong = clips["label"].map({"plants": "animals", "animals": "plants"})
        order = clips["id"].str.removeprefix("clip").astype(int)
        answers = clips[["id", "group", "language", "label"]].assign(
            predicted=clips["label"].where(order < right, wrong)
        )
        metrics = {
            "fused": {"accuracy": accuracy, "accuracy_low": 0.8, "accuracy_high": 0.95},
            "retrieval": {"speech_to_text": {"r1": 0.61}},
        }

        def weights(path: Path) -> None:
            save_file({"weight": np.array([weight], dtype=np.float32)}, path)

        folder = workspace.stage("train")
        read = [Artifact.of(workspace.manifest)]
        with tracked_run("train", Nothing(), inputs=read, workspace=workspace) as run:
            run.publish(folder / "model.safetensors", weights)
            run.publish(folder / "config.json", lambda path: path.write_text("{}") and None)
            run.publish(folder / "predictions.parquet", answers.to_parquet)
            run.publish(
                folder / "metrics.json", lambda path: path.write_text(json.dumps(metrics)) and None
            )
        family(workspace, {})
        quantum(workspace, gain=False)

    return make


def quantum(workspace: Workspace, *, gain: bool) -> None:
    """Make the outputs of the quantum stage."""
    folder = workspace.stage("quantum")
    told = {"gain": gain, "sentence": "gain or not", "contrasts": []}

    def head(path: Path) -> None:
        save_file({"w": np.zeros(1, np.float32)}, path)

    with tracked_run("quantum", Nothing(), workspace=workspace) as run:
        for name in ("head.safetensors", "components.safetensors"):
            run.publish(folder / name, head)
        run.publish(folder / "head.json", lambda path: path.write_text("{}") and None)
        run.publish(
            folder / "verdict.json", lambda path: path.write_text(json.dumps(told)) and None
        )


def family(workspace: Workspace, members: dict[str, float]) -> None:
    """Make the output of the compress stage: members by name, each with a number in its graph."""

    def write(path: Path) -> None:
        path.mkdir()
        told = {name: {"shipped": True, "alias": f"alias-{name}"} for name in members}
        told |= {"watch": {"shipped": False, "alias": "none", "refusal": "too large"}}
        (path / "family.json").write_text(json.dumps({"members": told}))
        for name, value in members.items():
            (path / name / "openvino").mkdir(parents=True)
            card = {"level": "light", "recipe": [{"technique": "onnx"}], "measured": {"loss": 0.01}}
            (path / name / "card.json").write_text(json.dumps(card))
            (path / name / "image.onnx").write_text(str(value))
            (path / name / "openvino" / "image.xml").write_text(str(value))
            save_file({"weight": np.array([value], np.float32)}, path / name / "model.safetensors")

    with tracked_run("compress", Nothing(), workspace=workspace) as run:
        run.publish(workspace.stage("compress") / "family", write)
