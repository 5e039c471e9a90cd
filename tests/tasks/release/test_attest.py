"""The statements beside a released model, as the stage writes them."""

import shutil
from pathlib import Path

import mlflow
import pytest
import yaml

from provenance import Log, Reason
from provenance.checks import Category, verify_model
from provenance.keys import KeyStore
from provenance.releases import Release, champion
from provenance.statements import (
    BUNDLE,
    NAMES,
    check_parameters,
    check_statements,
    read_statement,
    release_entry,
    version_folder,
)
from provenance.statements.sha256 import digests_of
from tasks.release import release_model
from tasks.release.attest import attest
from tasks.tracking import connect
from tasks.workspace import Workspace
from tests.tasks.release.conftest import Data, Train, params


def newest(workspace: Workspace) -> tuple[Log, Release, Path]:
    log = Log.open(workspace.provenance, create=False)
    made = champion(log, "tiny")
    assert made is not None
    folder = version_folder(workspace.root, made)
    assert folder is not None
    return log, made, folder


def problems(workspace: Workspace) -> list[str]:
    log, made, folder = newest(workspace)
    entry = release_entry(log, made)
    run = log.find(entry.body["run"]["mlflow"])
    assert run is not None
    found = check_statements(folder, entry, KeyStore(log.keys).identities())
    found += check_parameters(folder, run)
    return [f"{finding.reason}: {finding.message}" for finding in found]


def test_a_release_has_its_statements_beside_it_and_on_the_page_of_its_run(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    release_model.fn(params(), workspace)

    assert problems(workspace) == []
    log, made, folder = newest(workspace)
    assert (folder / "MLmodel").is_file()
    assert not any(Path(record["path"]).name in NAMES for record in made.files)
    run = release_entry(log, made).body["run"]["mlflow"]
    shown = {item.path for item in mlflow.MlflowClient().list_artifacts(run, "statements")}
    assert shown == {f"statements/{name}" for name in NAMES}

    drawn = {item.path for item in mlflow.MlflowClient().list_artifacts(run, "lineage")}
    assert drawn == {"lineage/lineage.html", "lineage/lineage.json"}

    told = read_statement(folder).predicate
    assert told["buildDefinition"]["externalParameters"] == params().model_dump(mode="json")
    assert (
        told["runDetails"]["metadata"]["startedOn"] < told["runDetails"]["metadata"]["finishedOn"]
    )
    # Whoever downloads the version has them too.
    copy = Path(mlflow.artifacts.download_artifacts("models:/tiny@champion"))
    assert {name for name in NAMES if (copy / name).is_file()} == NAMES


def test_the_same_model_again_keeps_its_statements(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    release_model.fn(params(), workspace)
    _, _, folder = newest(workspace)
    before = {name: (folder / name).read_bytes() for name in NAMES}
    release_model.fn(params(), workspace)
    assert {name: (folder / name).read_bytes() for name in NAMES} == before
    assert problems(workspace) == []


class KilledHere(BaseException):
    """Stands for the end of the process."""


def test_a_crash_between_entry_and_statements_is_mended_by_the_next_release(
    workspace: Workspace, data: Data, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    data()
    train(right=9, weight=1.0)

    def die(*_: object, **__: object) -> None:
        raise KilledHere

    with monkeypatch.context() as patch:
        patch.setattr("tasks.release.attest.write_statements", die)
        with pytest.raises(KilledHere):
            release_model.fn(params(), workspace)
    assert [line.split(":")[0] for line in problems(workspace)][:3] == ["STATEMENT_MISSING"] * 3
    log, made, _ = newest(workspace)
    verdict = verify_model(log, workspace.root, made).verdict(Category.AUTHENTICITY)
    assert verdict.findings[0].reason is Reason.STATEMENT_MISSING
    assert "cairn run --force release" in verdict.findings[0].message
    size = Log.open(workspace.provenance).head().checkpoint.size

    release_model.fn(params(), workspace)
    assert problems(workspace) == []
    log, made, _ = newest(workspace)
    assert made.version == "1"
    assert log.head().checkpoint.size == size + 1  # the second run's entry, and no release


def test_a_crash_in_the_middle_of_the_statements_is_mended_too(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    release_model.fn(params(), workspace)
    _, _, folder = newest(workspace)
    (folder / BUNDLE).rename(folder / f"{BUNDLE}.tmp")  # killed before the rename
    assert "STATEMENT_MISSING: model.sig of tiny/1" in problems(workspace)[0]
    release_model.fn(params(), workspace)
    assert problems(workspace) == []


def test_the_md5_of_dvc_is_told_only_where_it_is_right(
    workspace: Workspace, data: Data, train: Train
) -> None:
    data()
    train(right=9, weight=1.0)
    right = digests_of(workspace.manifest, ("md5", "sha256"))
    outs = [
        {"path": "data/manifest.parquet", "md5": right["md5"]},
        {"path": "mlruns/stages/ingest/report.json", "md5": "0" * 32},  # of an older file
        {"path": "data/media", "md5": "0" * 32 + ".dir"},
    ]
    (workspace.root / "dvc.lock").write_text(yaml.safe_dump({"stages": {"ingest": {"outs": outs}}}))
    release_model.fn(params(), workspace)

    _, _, folder = newest(workspace)
    build = read_statement(folder).predicate["buildDefinition"]
    told = {item["name"]: item["digest"] for item in build["resolvedDependencies"]}
    assert told["data/manifest.parquet"].items() >= right.items()
    assert told["mlruns/stages/ingest/report.json"].keys() == {"blake3", "sha256"}


def test_a_store_elsewhere_gets_the_statements_by_upload(
    workspace: Workspace, data: Data, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data()
    train(right=9, weight=1.0)
    release_model.fn(params(), workspace)
    log, made, folder = newest(workspace)
    for name in NAMES:
        (folder / name).unlink()
    # The same release as a log has it whose artifact store is no folder of the workspace.
    files = tuple(
        {**record, "path": record["path"].replace(str(workspace.relative(folder)), "models/tiny/1")}
        | {"kept": False}
        for record in made.files
    )
    remote = Release(made.model, made.version, True, "first", made.test_split, files)
    run = release_entry(log, made).body["run"]["mlflow"]
    log.append({**remote.body(), "id": "release-remote", "run": {"mlflow": run}})
    client = connect(workspace)
    fetched = shutil.copytree(folder, tmp_path / "download")
    monkeypatch.setattr(client.artifacts, "download_artifacts", lambda _: str(fetched))

    attest(client, workspace, log, remote)
    entry = release_entry(log, remote)
    assert check_statements(folder, entry, KeyStore(log.keys).identities()) == []
