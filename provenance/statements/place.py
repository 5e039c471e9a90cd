"""Where the statements of a release lie, and under which names.

Beside `MLmodel`, in the version's own folder: whoever downloads the version has them. No entry of
the log lists them, because they are made after the entry that they speak of; they need no list,
since each is signed and says what it belongs to.
"""

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from provenance.body import artifacts_of, is_kept
from provenance.entry import Entry
from provenance.errors import LogError
from provenance.log import Log
from provenance.releases import RELEASE, Release

STATEMENT = "provenance.dsse.json"
BUNDLE = "model.sig"
RECEIPT = "receipt.txt"
NAMES = frozenset({STATEMENT, BUNDLE, RECEIPT})

REGISTRY_NOTE = "registered_model_meta"
"""MLflow writes it into a version's folder when the version is looked up by name."""


def release_entry(log: Log, release: Release) -> Entry:
    """The entry that first released these files: the one that the statements speak of.

    Raises:
        LogError: there is none.
    """
    found = first_release(log.entries(), release)
    if found is None:
        raise LogError(f"version {release.version} of {release.model} is not in the log")
    return found


def first_release(entries: Iterable[Entry], release: Release) -> Entry | None:
    """The oldest entry of a version; one that was crowned again has several."""
    for entry in entries:
        if entry.body["kind"] == RELEASE:
            found = Release.of(entry.body)
            same_name = (found.model, found.version) == (release.model, release.version)
            if same_name and found.files == release.files:
                return entry
    return None


def version_folder(root: Path, release: Release) -> Path | None:
    """The folder of a version in the workspace at `root`; None if its files are not kept there."""
    if not release.files or not all(is_kept(record) for record in release.files):
        return None
    return root / _common([record["path"] for record in release.files])


def digests_inside(entry: Entry) -> dict[str, str]:
    """BLAKE3 of each released file, by path inside the version's folder."""
    records = artifacts_of(entry.body)
    if not records:
        return {}
    prefix = _common([record["path"] for record in records])
    return {os.path.relpath(record["path"], prefix): record["blake3"] for record in records}


def title(entry: Entry) -> str:
    """Model and version of a release, as its signature names them."""
    release = Release.of(entry.body)
    return f"{release.model}/{release.version}"


def run_of(entry: Entry) -> str:
    """Id of the MLflow run that made a release, which is also the id of that run's entry."""
    return str(entry.body["run"]["mlflow"])


def _common(paths: list[str]) -> str:
    """The deepest folder that holds all files: `MLmodel` lies right in it, all others below."""
    return os.path.commonpath([PurePosixPath(path).parent for path in paths])
