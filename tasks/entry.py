"""What a run writes into the provenance log: the entry of one that happened, of one that failed."""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from provenance import Artifact, Log
from tasks.environment import code_state, environment
from tasks.errors import CairnError
from tasks.workspace import Workspace

ENTRY_VERSION = 1


def run_body(
    stage: str,
    run: str,
    params: BaseModel,
    *,
    artifacts: Sequence[dict[str, Any]],
    inputs: Sequence[dict[str, Any]],
    metrics: dict[str, str],
    workspace: Workspace,
) -> dict[str, Any]:
    """The entry of a run: who made which bytes, from which bytes, with which settings.

    Args:
        stage: name of the stage.
        run: MLflow run id; also the entry's id, so that writing it twice writes it once.
        params: the stage's section of params.yaml.
        artifacts: records of what it made, see `record`.
        inputs: records of what it read, see `input_record`.
        metrics: final figures as decimal text.
        workspace: where it ran.
    """
    return {
        "v": ENTRY_VERSION,
        "kind": "run",
        "id": run,
        "ts": _now(),
        "actor": getpass.getuser(),
        "stage": stage,
        "artifacts": list(artifacts),
        "inputs": list(inputs),
        "run": {"mlflow": run, **code_state(workspace)},
        "metrics": metrics,
        "params": params.model_dump(mode="json", by_alias=True),
        "env": environment(workspace),
    }


def failure_body(stage: str, run: str, error: str) -> dict[str, Any]:
    """The provenance entry of a run that did not make it."""
    return {
        "v": ENTRY_VERSION,
        "kind": "failure",
        "id": f"failure-{run}",
        "ts": _now(),
        "actor": getpass.getuser(),
        "stage": stage,
        "error": error,
        "run": {"mlflow": run},
    }


def record(workspace: Workspace, artifact: Artifact) -> dict[str, Any]:
    """An artifact as the log lists it; one from outside the workspace goes by its name alone."""
    inside = artifact.path.absolute().is_relative_to(workspace.root)
    name = workspace.relative(artifact.path) if inside else artifact.path.name
    return {"path": name, "blake3": artifact.digest, "size": artifact.size}


def input_record(workspace: Workspace, log: Log, artifact: Artifact) -> dict[str, Any]:
    """An input as the log lists it, with the number of the entry that made it.

    Raises:
        CairnError: no entry of the log has these bytes under this path.
    """
    name = record(workspace, artifact)["path"]
    logged = log.newest(name, artifact.digest)
    if logged is None:
        raise CairnError(
            f"{name} (blake3 {artifact.digest[:8]}...) is not in the provenance log: "
            "run the stage that makes it first (`cairn run`)"
        )
    return {"entry": logged[0].seq, "path": name, "blake3": artifact.digest}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
