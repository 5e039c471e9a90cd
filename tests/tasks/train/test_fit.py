import json

import mlflow
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from models.batches import SUBSETS
from models.losses import DivergedError
from models.multimodal import build
from models.spec import Spec
from provenance import Artifact, Log, TamperedError
from tasks.errors import InputError
from tasks.tracking import connect
from tasks.train.evaluate import subset_name
from tasks.train.fit import reproducible, train_model

OUTPUTS = ("config.json", "metrics.json", "model.safetensors", "predictions.parquet")


def test_a_run_leaves_files_an_entry_and_an_mlflow_run(trained):
    folder = trained.stage("train")
    assert sorted(path.name for path in folder.iterdir()) == sorted(OUTPUTS)
    entry, record = Log.open(trained.provenance).newest("mlruns/stages/train/model.safetensors")
    assert record["blake3"] == Artifact.of(folder / "model.safetensors").digest
    assert [source["path"] for source in entry.body["inputs"]] == [
        "mlruns/stages/validate/verdict.json",
        "data/manifest.parquet",
        "data/media",
    ]
    connect(trained)
    run = mlflow.get_run(entry.body["id"])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test.fused.accuracy"] == float(
        entry.body["metrics"]["test.fused.accuracy"]
    )
    assert {data.dataset.name for data in run.inputs.dataset_inputs} == {
        "manifest-train",
        "manifest-val",
        "manifest-test",
    }
    history = mlflow.MlflowClient().get_metric_history(entry.body["id"], "val_loss")
    assert [point.step for point in history] == [1, 2, 3]
    assert not trained.resume.exists() or not any(trained.resume.iterdir())


def test_metrics_and_predictions_agree_for_every_subset(trained):
    folder = trained.stage("train")
    metrics = json.loads((folder / "metrics.json").read_text())
    answers = pd.read_parquet(folder / "predictions.parquet")
    assert answers["id"].is_unique
    assert len(answers) == 12  # 6 test stamps in 2 languages
    for subset in map(subset_name, SUBSETS):
        right = (answers[f"predicted:{subset}"] == answers["label"]).mean()
        assert metrics[subset]["accuracy"] == pytest.approx(right)
        assert metrics[subset]["accuracy_low"] <= right <= metrics[subset]["accuracy_high"]
        total = answers.filter(like=f"probability:{subset}:").sum(axis=1)
        assert total.to_numpy() == pytest.approx(1.0)
    assert (answers["predicted"] == answers["predicted:fused"]).all()
    for direction in ("speech_to_text", "image_to_caption"):
        assert 0 <= metrics["retrieval"][direction]["r1"] <= 1
    by_language = metrics["retrieval_by_language"]["speech_to_text"]
    assert {name: line["candidates"] for name, line in by_language.items()} == {"bg": 6, "ca": 6}


def test_the_model_can_be_built_from_its_two_files_alone(trained):
    folder = trained.stage("train")
    config = json.loads((folder / "config.json").read_text())
    model = build(Spec.of(config["model"]), seed=0)
    model.load_state_dict(load_file(folder / "model.safetensors"), strict=True)
    assert model.spec.classes == ["animals", "food", "town"]
    assert config["encoders"]["image"] == "resnet"
    assert config["weights"] == {}  # no packaged encoder was chosen


def test_same_params_same_bytes_and_another_seed_gives_another_model(trained, params, validated):
    again = train_model.fn(params, validated)  # another workspace, same data
    for name in OUTPUTS:
        first = Artifact.of(trained.stage("train") / name).digest
        assert Artifact.of(validated.stage("train") / name).digest == first, name
    other = train_model.fn(params.model_copy(update={"seed": params.seed + 1}), validated)
    assert other.digest != again.digest


def test_tampered_input_is_refused(params, validated):
    table = pd.read_parquet(validated.manifest)
    table["label"] = "food"
    table.to_parquet(validated.manifest)
    with pytest.raises(TamperedError, match=r"manifest\.parquet: expected blake3 [0-9a-f]{8}"):
        train_model.fn(params, validated)


def test_without_a_verdict_nothing_is_trained(params, workspace):
    with pytest.raises(InputError, match=r"verdict\.json does not exist: run the stage"):
        train_model.fn(params, workspace)


def test_divergence_fails_the_run_and_publishes_nothing(params, validated):
    wild = params.model_copy(update={"learning_rate": 0.99, "clip": 1e30, "weight_decay": 1e30})
    with pytest.raises(DivergedError, match="at step"):
        train_model.fn(wild, validated)
    assert not validated.stage("train").exists() or not any(validated.stage("train").iterdir())


def test_reproducible_restores_torchs_settings():
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with reproducible(1):
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
    assert before == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
