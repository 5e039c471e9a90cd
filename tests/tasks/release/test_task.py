"""A release from end to end, against a real MLflow database and a real provenance log."""

import json
from pathlib import Path

import mlflow
import pytest

from provenance import Log, TamperedError, verify
from provenance.releases import CARD, WEIGHTS, champion, releases
from tasks.errors import CheckFailed, InputError
from tasks.params.release import GateParams, PromotionParams
from tasks.release import release_model
from tasks.tracking import connect
from tasks.workspace import Workspace
from tests.tasks.release.conftest import Data, Train, manifest, params


def aliases(workspace: Workspace, name: str = "tiny") -> dict[str, str]:
    connect(workspace)
    found = mlflow.MlflowClient().get_registered_model(name).aliases
    return {alias: str(version) for alias, version in found.items()}


def versions(workspace: Workspace, name: str = "tiny") -> int:
    connect(workspace)
    return len(mlflow.MlflowClient().search_model_versions(f"name = '{name}'"))


def the_log(workspace: Workspace) -> Log:
    return Log.open(workspace.provenance, create=False)


def test_first_model_becomes_champion_and_every_file_is_in_the_log(
    workspace: Workspace, data: Data, train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    data()
    train(right=9, weight=1.0)
    output = release_model.fn(params(), workspace)

    assert aliases(workspace) == {"candidate": "1", "champion": "1"}
    made = champion(the_log(workspace), "tiny")
    assert made is not None
    names = {Path(record["path"]).name for record in made.files}
    assert {"MLmodel", "mlflow_model.py", WEIGHTS, "config.json", CARD} <= names
    for name in (WEIGHTS, "config.json", "predictions.parquet", CARD):
        made.artifact(workspace.root, name).verified()

    record = json.loads(output.verified().read_text())
    assert record["files"][WEIGHTS] == made.digest(WEIGHTS)
    assert record["gate"] == {"fused.accuracy": {"value": 0.9, "at_least": 0.5}}
    card = (workspace.stage("release") / CARD).read_text()
    assert made.digest(WEIGHTS) in card
    assert mlflow.MlflowClient().get_model_version("tiny", "1").description == card

    said = capsys.readouterr().out
    assert all(check in said for check in ("integrity", "authenticity", "lineage"))
    assert "tiny version 1 is champion: first model of this name to pass the gate" in said
    assert f"model blake3 {made.digest(WEIGHTS)}" in said


def test_the_same_model_again_makes_no_version_and_the_same_bytes(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    first = release_model.fn(params(), workspace)
    card = (workspace.stage("release") / CARD).read_bytes()
    second = release_model.fn(params(), workspace)

    assert second.digest == first.digest
    assert (workspace.stage("release") / CARD).read_bytes() == card
    assert versions(workspace) == 1
    assert len(list(releases(the_log(workspace), "tiny"))) == 1
    assert aliases(workspace) == {"candidate": "1", "champion": "1"}


def test_a_better_model_takes_the_place_and_a_worse_one_does_not(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=0, weight=1.0)
    release_model.fn(params(), workspace)
    # Six groups, all won by 2 clips: p = 1/64, below 0.05.
    train(right=12, weight=2.0)
    release_model.fn(params(), workspace)
    assert aliases(workspace) == {"candidate": "2", "champion": "2"}
    # Worse, and then better again by one group alone: p = 1/2.
    train(right=6, weight=3.0)
    release_model.fn(params(), workspace)
    assert aliases(workspace) == {"candidate": "3", "champion": "2"}
    made = list(releases(the_log(workspace), "tiny"))
    assert [release.champion for release in made] == [True, True, False]
    assert "accuracy 1.0000 against 0.0000 on the same 12 clips of 6 groups" in made[1].reason
    assert "p = 0.01562" in made[1].reason  # 1/64
    assert "not shown to be better" in made[2].reason


def test_a_lead_that_chance_explains_is_no_promotion(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=4, weight=1.0)
    release_model.fn(params(), workspace)
    train(right=12, weight=2.0)  # four groups won: p = 1/16
    release_model.fn(params(), workspace)
    assert aliases(workspace) == {"candidate": "2", "champion": "1"}
    # The same candidate under a wider level: champion now, with the version that it has.
    wide = PromotionParams(level=0.1, draws=1000, seed=7, on_new_test_split="keep")
    release_model.fn(params(promotion=wide), workspace)
    assert aliases(workspace) == {"candidate": "2", "champion": "2"}
    assert versions(workspace) == 2


@pytest.mark.parametrize(("rule", "number"), [("keep", "1"), ("promote", "2")])
def test_other_test_clips_cannot_be_paired_and_the_rule_decides(
    workspace: Workspace, data: Data, train: Train, rule: str, number: str
) -> None:
    data()
    train(right=0, weight=1.0)
    release_model.fn(params(), workspace)
    data(manifest(caption="a brown cow"))
    train(right=12, weight=2.0)
    rules = PromotionParams(level=0.05, draws=1000, seed=7, on_new_test_split=rule)
    release_model.fn(params(promotion=rules), workspace)
    assert aliases(workspace)["champion"] == number
    *_, made = releases(the_log(workspace), "tiny")
    assert "tested on other clips, so nothing can be paired" in made.reason
    assert f"on_new_test_split: {rule}" in made.reason


def test_the_gate_stops_a_release_before_anything_is_registered(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0, accuracy=0.49)
    with pytest.raises(CheckFailed, match=r"fused\.accuracy is 0\.49, must be at least 0\.5"):
        release_model.fn(params(), workspace)
    connect(workspace)
    assert mlflow.MlflowClient().search_registered_models() == []
    assert not (workspace.stage("release") / "release.json").exists()
    kinds = [entry.body["kind"] for entry in the_log(workspace).entries()]
    assert kinds == ["run", "run", "run", "run", "failure"]


def test_a_gate_on_a_figure_that_nobody_measured_is_bad_input(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    gate = GateParams(at_least={"fused.acuracy": 0.5}, at_most={})
    with pytest.raises(InputError, match=r"'fused\.acuracy'.*fused\.accuracy"):
        release_model.fn(params(gate=gate), workspace)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "metrics.json", "predictions.parquet"]
)
def test_a_file_changed_between_train_and_release_is_refused(
    workspace: Workspace, data: Data, train: Train, name: str
) -> None:
    data()
    train(right=9, weight=1.0)
    path = workspace.stage("train") / name
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(TamperedError, match=rf"train/{name}: expected blake3 [0-9a-f]{{8}}"):
        release_model.fn(params(), workspace)


def test_a_champion_whose_predictions_changed_is_no_measure(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    release_model.fn(params(), workspace)
    made = champion(the_log(workspace), "tiny")
    assert made is not None
    made.artifact(workspace.root, "predictions.parquet").path.write_bytes(b"all wrong")
    train(right=12, weight=2.0)
    with pytest.raises(TamperedError, match=r"predictions\.parquet: expected blake3"):
        release_model.fn(params(), workspace)


def test_a_missing_model_says_what_to_run(workspace: Workspace, data: Data) -> None:
    data()
    with pytest.raises(InputError, match="run the stage that makes it first"):
        release_model.fn(params(), workspace)


def test_aliases_moved_by_hand_follow_the_log_again(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=12, weight=1.0)
    release_model.fn(params(), workspace)
    train(right=6, weight=2.0)
    release_model.fn(params(), workspace)
    mlflow.MlflowClient().set_registered_model_alias("tiny", "champion", "2")
    release_model.fn(params(), workspace)
    assert aliases(workspace)["champion"] == "1"


def test_a_withdrawn_champion_is_none(workspace: Workspace, data: Data, train: Train) -> None:
    data()
    train(right=12, weight=1.0)
    release_model.fn(params(), workspace)
    log = the_log(workspace)
    made = champion(log, "tiny")
    assert made is not None
    record = made.artifact(workspace.root, WEIGHTS)
    log.append(
        {
            "kind": "revoked",
            "id": "revoked-1",
            "artifacts": [{"path": workspace.relative(record.path), "blake3": record.digest}],
        }
    )
    assert champion(log, "tiny") is None
    train(right=6, weight=2.0)
    release_model.fn(params(), workspace)
    assert aliases(workspace)["champion"] == "2"


def test_verification_at_the_end_names_what_is_wrong(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    release_model.fn(params(), workspace)
    made = champion(the_log(workspace), "tiny")
    assert made is not None
    made.artifact(workspace.root, CARD).path.write_text("# the best model there is\n")
    with pytest.raises(CheckFailed, match=r"ARTIFACT_CHANGED.*model_card\.md"):
        release_model.fn(params(), workspace)


def test_loading_a_registered_model_leaves_the_log_true(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    release_model.fn(params(), workspace)
    connect(workspace)
    # MLflow writes a note of its own into the folder.
    mlflow.artifacts.download_artifacts("models:/tiny@champion")
    assert verify(workspace.provenance, workspace.root).ok
