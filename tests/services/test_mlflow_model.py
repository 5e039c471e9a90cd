"""What MLflow loads gives the same answers, and refuses what was changed."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest

from provenance import Artifact, TamperedError
from provenance.releases import CONFIG, WEIGHTS
from services.describe import Question
from services.loading import load
from services.predict import Predictor
from tasks.release.registry import log_model
from tasks.tracking import connect
from tasks.workspace import Workspace


@pytest.fixture
def logged(workspace: Workspace, folder: Path) -> str:
    """URI of the tiny model, logged to a real MLflow."""
    with connect(workspace).start_run():
        files = [Artifact.of(folder / name) for name in (WEIGHTS, CONFIG)]
        return log_model(mlflow, "tiny", files)


def test_answers_are_those_of_the_predictor(
    logged: str, folder: Path, digests: dict[str, str], everything: Question
) -> None:
    rows = pd.DataFrame(
        [
            {"caption": "a red cab", "image": None, "audio": None, "text": None},
            {"caption": None, "image": everything.image, "audio": everything.audio, "text": None},
        ]
    )
    found = mlflow.pyfunc.load_model(logged).predict(rows)
    predictor = Predictor(load(folder, digests))
    expected = [
        predictor.answer(Question(caption="a red cab")),
        predictor.answer(Question(image=everything.image, audio=everything.audio)),
    ]
    assert found["label"].tolist() == [answer.label for answer in expected]
    assert found["confidence"].tolist() == [answer.confidence for answer in expected]


def test_a_column_may_be_missing(logged: str) -> None:
    found = mlflow.pyfunc.load_model(logged).predict(pd.DataFrame({"caption": ["a cab", "bread"]}))
    assert list(found.columns) == ["label", "confidence"]
    assert len(found) == 2


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
def test_changed_bytes_do_not_load(logged: str, name: str) -> None:
    path = Path(mlflow.artifacts.download_artifacts(logged)) / "artifacts" / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(TamperedError, match=rf"{name}: expected .*, found \w{{8}}"):
        mlflow.pyfunc.load_model(logged)


def test_the_code_travels_with_the_model(logged: str) -> None:
    code = Path(mlflow.artifacts.download_artifacts(logged)) / "code"
    assert sorted(path.name for path in code.iterdir()) == ["models", "provenance", "services"]
    assert not list(code.rglob("__pycache__"))
