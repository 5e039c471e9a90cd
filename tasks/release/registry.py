"""MLflow's model registry: versions, their files, and the aliases `candidate` and `champion`.

The provenance log decides which version is champion; the aliases are set after it, to what it says.
"""

import getpass
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pandas as pd

from provenance import Artifact, Log
from provenance.custody import CACHE
from provenance.releases import Release, champion
from provenance.statements import NAMES
from provenance.statements.place import REGISTRY_NOTE
from tasks.entry import ENTRY_VERSION
from tasks.progress import say
from tasks.release.served import WHOLE, Served
from tasks.workspace import Workspace

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

CANDIDATE = "candidate"
CHAMPION = "champion"
CODE = ("models", "provenance", "services")
"""The rooms that a served model needs; copied into each version, so that it runs elsewhere."""
LONGEST_DESCRIPTION = 5000
"""Characters of a version's description in MLflow's database."""
NOT_OURS = (REGISTRY_NOTE, CACHE, *NAMES)
"""What comes into a version's folder later: MLflow's note, Python's caches, our statements."""


def log_model(
    mlflow: ModuleType,
    name: str,
    files: Sequence[Artifact],
    *,
    served: Served = WHOLE,
    folders: Sequence[Path] = (),
) -> str:
    """Log a servable model to the active run; it is not registered yet.

    Args:
        mlflow: connected, with a run open.
        name: of the logged model.
        files: what it carries in its folder `artifacts`; their digests are checked at each load.
        served: what loads it.
        folders: carried beside the files; one of the files holds the digests of what is in them.

    Returns:
        its URI.
    """
    carried = {file.path.name: str(file.verified()) for file in files}
    info = mlflow.pyfunc.log_model(
        name=name,
        python_model=str(_room("services") / served.loader),
        artifacts=carried | {folder.name: str(folder) for folder in folders},
        code_paths=[str(_room(room)) for room in CODE],
        model_config={"blake3": {file.path.name: file.digest for file in files}},
        pip_requirements=[
            f"{package}=={_public(installed(package))}" for package in served.packages
        ],
        signature=_signature(),
        input_example=pd.DataFrame({"caption": ["a red apple"]}),
    )
    return str(info.model_uri)


def register(mlflow: ModuleType, name: str, *, uri: str, run: str, card: str) -> str:
    """Make a logged model the next version of a registered one.

    Args:
        name: of the registered model; made at first use.
        uri: of the logged model.
        run: id of the MLflow run that logged it.
        card: the model card, which MLflow shows as the version's description.

    Returns:
        the version's number.
    """
    client = mlflow.MlflowClient()
    if not client.search_registered_models(filter_string=f"name = '{name}'"):
        client.create_registered_model(name)
    made = client.create_model_version(
        name,
        source=uri,
        run_id=run,
        model_id=uri.removeprefix("models:/"),
        description=card if len(card) <= LONGEST_DESCRIPTION else _shortened(card),
    )
    return str(made.version)


def files_of(
    mlflow: ModuleType, workspace: Workspace, name: str, version: str, expected: Sequence[Artifact]
) -> tuple[dict[str, Any], ...]:
    """Hash every file of a registered version.

    Args:
        expected: files that it must carry, byte for byte, in its folder `artifacts`.

    Returns:
        `path`, `blake3` and `size` of each. Where the artifact store is not a folder of this
        workspace, paths are under `models/NAME/VERSION` and `kept` is false: nothing to re-hash.

    Raises:
        TamperedError: an expected file is not what was handed to MLflow.
    """
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}"))
    for file in expected:
        Artifact(folder / "artifacts" / file.path.name, file.digest, file.size).verified()
    kept = folder.is_relative_to(workspace.root)
    records = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_dir() or any(part in NOT_OURS for part in inside.parts):
            continue
        made = Artifact.of(path)
        place = workspace.relative(path) if kept else f"models/{name}/{version}/{inside.as_posix()}"
        records.append(
            {
                "path": place,
                "blake3": made.digest,
                "size": made.size,
                **({} if kept else {"kept": False}),
            }
        )
    return tuple(records)


def anchor(
    log: Log,
    release: Release,
    *,
    run: str,
    inputs: Sequence[Mapping[str, Any]],
    member: str | None = None,
) -> None:
    """Write a release into the provenance log: from here on it has happened.

    Args:
        run: id of the MLflow run that made it; a second call for the same run changes nothing.
        member: which of the run's compressed models it is; None for the model itself.
        inputs: what the run read, as its own entry lists it.
    """
    log.append(
        {
            **release.body(),
            "v": ENTRY_VERSION,
            "id": f"release-{run}" if member is None else f"release-{run}-{member}",
            "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "actor": getpass.getuser(),
            "stage": "release",
            "inputs": [dict(source) for source in inputs],
            "run": {"mlflow": run},
        }
    )


def set_aliases(mlflow: ModuleType, log: Log, newest: Release) -> None:
    """Point `candidate` at this release and `champion` where the log says."""
    set_alias(mlflow, newest, CANDIDATE)
    if (present := champion(log, newest.model)) is not None:
        set_alias(mlflow, present, CHAMPION)


def set_alias(mlflow: ModuleType, release: Release, alias: str) -> None:
    """Let an alias point at a version, where the database knows the version."""
    from mlflow.exceptions import MlflowException  # here, because importing mlflow costs seconds

    try:
        mlflow.MlflowClient().set_registered_model_alias(release.model, alias, release.version)
    except MlflowException as error:
        # A database that was made anew does not know the versions of the old one; the log does.
        say(f"{release.model}: alias {alias} not set to version {release.version}: {error.message}")


def _room(name: str) -> Path:
    """Folder of one of our packages, without importing it: tasks do not import services."""
    found = find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"package {name} is not installed; `pip install -e .`")
    return Path(found.origin).parent


def _public(version: str) -> str:
    """A version without its local part: no index serves `2.13.0+cpu`."""
    return version.partition("+")[0]


def _shortened(card: str) -> str:
    note = "\n\n(the whole card is among the version's files: artifacts/model_card.md)"
    return card[: LONGEST_DESCRIPTION - len(note)].rpartition("\n")[0] + note


def _signature() -> "ModelSignature":
    from mlflow.models import ModelSignature  # here, because importing mlflow costs seconds
    from mlflow.types import ColSpec, DataType, Schema

    asked = {
        "caption": DataType.string,
        "text": DataType.string,
        "image": DataType.binary,
        "audio": DataType.binary,
    }
    inputs = Schema([ColSpec(kind, name, required=False) for name, kind in asked.items()])
    outputs = Schema([ColSpec(DataType.string, "label"), ColSpec(DataType.double, "confidence")])
    return ModelSignature(inputs, outputs)
