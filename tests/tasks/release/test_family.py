"""The compressed family of a release: versions, statements and aliases of their own."""

import mlflow

from provenance import Log
from provenance.checks import LOADABLE, Outcome, verify_model
from provenance.releases import champion, releases
from provenance.statements import NAMES, version_folder
from tasks.release import release_model
from tasks.tracking import connect
from tasks.workspace import Workspace
from tests.tasks.release.conftest import Data, Train, family, params, quantum


def aliases(workspace: Workspace) -> dict[str, str]:
    connect(workspace)
    found = mlflow.MlflowClient().get_registered_model("tiny").aliases
    return {alias: str(version) for alias, version in found.items()}


def test_each_member_that_ships_is_a_signed_version_with_an_alias(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    family(workspace, {"laptop": 2.0, "phone": 3.0})
    release_model.fn(params(), workspace)

    log = Log.open(workspace.provenance, create=False)
    made = {release.version: release for release in releases(log, "tiny")}
    assert aliases(workspace) == {
        "candidate": "1",
        "champion": "1",
        "champion-alias-laptop": "2",
        "champion-alias-phone": "3",
    }
    assert champion(log, "tiny") == made["1"]  # a member is never the champion itself
    assert "watch" not in " ".join(release.reason for release in made.values())
    for version in ("2", "3"):
        folder = version_folder(workspace.root, made[version])
        assert folder is not None
        assert {path.name for path in folder.iterdir()} >= NAMES
        assert (folder / "artifacts" / "openvino" / "image.xml").is_file()
        report = verify_model(log, workspace.root, made[version])
        for category in LOADABLE:
            assert report.verdict(category).outcome is Outcome.PASS
    card = version_folder(workspace.root, made["2"]) / "artifacts" / "card.json"
    card.write_text(card.read_text() + " ")
    assert verify_model(log, workspace.root, made["2"]).findings


def test_the_same_family_released_again_keeps_its_versions(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    family(workspace, {"laptop": 2.0})
    release_model.fn(params(), workspace)
    release_model.fn(params(), workspace)
    assert aliases(workspace)["champion-alias-laptop"] == "2"
    connect(workspace)
    assert len(mlflow.MlflowClient().search_model_versions("name = 'tiny'")) == 2


def test_a_quantum_variant_is_registered_only_after_a_gain(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    release_model.fn(params(), workspace)
    assert "champion-quantum" not in aliases(workspace)
    quantum(workspace, gain=True)
    release_model.fn(params(), workspace)
    assert aliases(workspace)["champion-quantum"] == "2"
    assert aliases(workspace)["champion"] == "1"
    log = Log.open(workspace.provenance, create=False)
    made = {release.version: release for release in releases(log, "tiny")}["2"]
    folder = version_folder(workspace.root, made)
    assert folder is not None
    carried = {path.name for path in (folder / "artifacts").iterdir()}
    assert carried == {
        "model.safetensors",
        "config.json",
        "head.safetensors",
        "components.safetensors",
        "head.json",
    }
    assert not verify_model(log, workspace.root, made).findings
