"""`cairn predict` from end to end, on a small released model."""

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cairn.predict import predict
from provenance import Log
from services.loading import NotReleasedError
from tasks.errors import InputError
from tasks.params import load_params
from tasks.workspace import Workspace
from tests.services.conftest import SPEC, digests, folder, picture, release_by_hand  # noqa: F401  # fixtures


@pytest.fixture
def champion(workspace: Workspace, folder: Path) -> Workspace:  # noqa: F811  # the fixture
    version = workspace.mlruns / "models"
    shutil.copytree(folder, version / "artifacts")
    name = load_params(workspace.params_file).release.name
    release_by_hand(Log.open(workspace.provenance), workspace.root, version, name)
    return workspace


def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(predict)
    return made


def test_a_caption_gets_a_table(champion: Workspace) -> None:
    found = CliRunner().invoke(app(), ["--caption", "a red cab"], catch_exceptions=False)
    assert found.exit_code == 0
    assert "counted: caption 100%" in found.stdout
    assert "model blake3 " in found.stdout


def test_a_picture_gets_json(champion: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    arguments = ["--image", str(tmp_path / "a.png"), "--json"]
    found = CliRunner().invoke(app(), arguments, catch_exceptions=False)
    answer = json.loads(found.stdout)
    assert answer["label"] in SPEC.classes
    assert sorted(answer["probabilities"]) == SPEC.classes


@pytest.mark.parametrize("content", [None, b""])
def test_a_file_that_is_not_there_or_empty(
    champion: Workspace, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png: (No such file|the file is empty)"):
        CliRunner().invoke(app(), ["--image", str(path)], catch_exceptions=False)


def test_without_a_champion(workspace: Workspace) -> None:
    Log.open(workspace.provenance)
    with pytest.raises(NotReleasedError, match="run `cairn run` first"):
        CliRunner().invoke(app(), ["--caption", "a cab"], catch_exceptions=False)
