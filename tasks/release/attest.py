"""Statements beside a released model: written from the log, signed, and shown in MLflow."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import yaml

from provenance import Log
from provenance.body import inputs_of
from provenance.entry import Entry
from provenance.errors import ChangedWhileHashingError, UnhashableError
from provenance.keys import KeyStore
from provenance.releases import Release
from provenance.statements import NAMES, release_entry, version_folder, write_statements
from provenance.statements.place import run_of
from provenance.statements.sha256 import digests_of
from provenance.statements.slsa import LOCK
from tasks.progress import say
from tasks.workspace import Workspace

PAGE = "statements"
"""Folder of an MLflow run's artifacts in which people find the statements."""


def attest(mlflow: ModuleType, workspace: Workspace, log: Log, made: Release) -> None:
    """Write what is missing of a release's statements; does nothing where all are there.

    A run that was killed after the release entered the log left a version without statements: the
    next release of the same model comes through here and writes them.

    Args:
        mlflow: connected.
        log: that holds the release.
        made: the release.

    Raises:
        TamperedError: a file of the version is not what was released; nothing was signed.
        KeyStoreError: no usable key.
        LogError: the statements cannot be written.
    """
    entry = release_entry(log, made)
    kept = version_folder(workspace.root, made)
    folder = kept or Path(
        mlflow.artifacts.download_artifacts(f"models:/{made.model}/{made.version}")
    )
    if all((folder / name).is_file() for name in NAMES):
        return
    written = write_statements(
        folder,
        entry,
        log,
        KeyStore(log.keys),
        known=dict(_known(workspace, entry)),
        started=_started(mlflow, run_of(entry)),
    )
    if kept is None:
        _upload(mlflow, made, written)
    _show(mlflow, run_of(entry), written)


def _known(workspace: Workspace, entry: Entry) -> Iterator[tuple[str, dict[str, str]]]:
    """Digests that other tools go by: SHA-256, and the MD5 by which DVC knows a file.

    The MD5 in dvc.lock may be of an older file, where a stage ran without DVC: it is taken only if
    it is right.
    """
    by_dvc = _dvc_digests(workspace.root / "dvc.lock")
    for path in sorted({record["path"] for record in inputs_of(entry.body)} | {LOCK}):
        try:
            found = digests_of(workspace.root / path, ("blake3", "sha256", "md5"))
        except (OSError, UnhashableError, ChangedWhileHashingError):
            continue  # a folder, or a file that is gone: the log's BLAKE3 stands alone
        if found["md5"] != by_dvc.get(path):
            del found["md5"]
        yield path, found


def _dvc_digests(lock: Path) -> dict[str, str]:
    """MD5 by path, of every output and dependency in dvc.lock."""
    if not lock.is_file():
        return {}
    stages = (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages", {})
    return {
        item["path"]: item["md5"]
        for kind in ("deps", "outs")  # what a stage made is newer than what another one read
        for stage in stages.values()
        for item in stage.get(kind, ())
        if "md5" in item
    }


def _started(mlflow: ModuleType, run: str) -> str | None:
    from mlflow.exceptions import MlflowException  # here, because importing mlflow costs seconds

    try:
        milliseconds = mlflow.MlflowClient().get_run(run).info.start_time
    except MlflowException:
        return None  # a database that was made anew
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def _upload(mlflow: ModuleType, made: Release, written: tuple[Path, ...]) -> None:
    client = mlflow.MlflowClient()
    # Its field model_id stays empty in a database; the source is the logged model that we gave it.
    source = client.get_model_version(made.model, made.version).source
    for path in written:
        client.log_model_artifact(source.removeprefix("models:/"), str(path))


def _show(mlflow: ModuleType, run: str, written: tuple[Path, ...]) -> None:
    from mlflow.exceptions import MlflowException  # here, because importing mlflow costs seconds

    try:
        for path in written:
            mlflow.MlflowClient().log_artifact(run, str(path), PAGE)
    except MlflowException as error:
        # A copy for people: the statements themselves are beside the model.
        say(f"run {run[:8]}: its page does not show the statements: {error.message}")
