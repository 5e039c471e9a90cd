"""What the registry does where MLflow is not as usual."""

from pathlib import Path

import pytest

from provenance import Artifact, Log, TamperedError
from provenance.releases import CARD, Release
from tasks.release.registry import LONGEST_DESCRIPTION, files_of, log_model, register, set_aliases
from tasks.tracking import connect
from tasks.workspace import Workspace


@pytest.fixture
def made(tmp_path: Path) -> Artifact:
    path = tmp_path / CARD
    path.write_text("# a card\n")
    return Artifact.of(path)


def test_a_long_card_is_shortened_in_the_description_only(
    workspace: Workspace, made: Artifact
) -> None:
    mlflow = connect(workspace)
    card = "a line of the card\n" * 400
    with mlflow.start_run() as run:
        uri = log_model(mlflow, "tiny", [made])
        version = register(mlflow, "tiny", uri=uri, run=run.info.run_id, card=card)
    shown = mlflow.MlflowClient().get_model_version("tiny", version).description
    assert len(shown) <= LONGEST_DESCRIPTION
    assert shown.endswith("artifacts/model_card.md)")
    assert shown.startswith("a line of the card\n")


def test_files_outside_the_workspace_are_recorded_but_not_kept(
    workspace: Workspace, made: Artifact, tmp_path: Path
) -> None:
    mlflow = connect(workspace)
    with mlflow.start_run() as run:
        uri = log_model(mlflow, "tiny", [made])
        version = register(mlflow, "tiny", uri=uri, run=run.info.run_id, card="")
    elsewhere = Workspace(tmp_path / "other")
    found = {
        record["path"]: record for record in files_of(mlflow, elsewhere, "tiny", version, [made])
    }
    card = found["models/tiny/1/artifacts/model_card.md"]
    assert card == {
        "path": "models/tiny/1/artifacts/model_card.md",
        "blake3": made.digest,
        "size": made.size,
        "kept": False,
    }


def test_a_file_that_mlflow_did_not_copy_whole_is_refused(
    workspace: Workspace, made: Artifact
) -> None:
    mlflow = connect(workspace)
    with mlflow.start_run() as run:
        uri = log_model(mlflow, "tiny", [made])
        version = register(mlflow, "tiny", uri=uri, run=run.info.run_id, card="")
    copied = Path(mlflow.artifacts.download_artifacts(uri)) / "artifacts" / CARD
    copied.write_text("cut off")
    with pytest.raises(TamperedError, match=r"model_card\.md: expected blake3"):
        files_of(mlflow, workspace, "tiny", version, [made])


def test_a_database_made_anew_is_no_reason_to_fail(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    mlflow = connect(workspace)
    log = Log.open(workspace.provenance)
    old = Release("tiny", "4", True, "first", "0" * 64, ())
    set_aliases(mlflow, log, old)
    assert "alias candidate not set to version 4" in capsys.readouterr().err
