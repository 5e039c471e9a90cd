"""The entry of a round: which file holds it, who took part, with which update and which weight."""

import getpass
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from models.federated.plan import Round
from provenance import Artifact, Entry, Log
from tasks.entry import ENTRY_VERSION, record
from tasks.workspace import Workspace

KIND = "round"


def log_round(
    workspace: Workspace,
    run: str,
    found: Round,
    saved: Artifact,
    *,
    rounds: int,
    privacy: Mapping[str, Any] | None,
) -> Entry:
    """Append the entry of a round.

    Args:
        workspace: where the log is.
        run: MLflow run id.
        found: the round.
        saved: its file; a later round's takes its place, so it need not stay.
        rounds: that the run is to have.
        privacy: the guarantee so far, or None.
    """
    body: dict[str, Any] = {
        "v": ENTRY_VERSION,
        "kind": KIND,
        "id": f"{run}-round-{found.number}",
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "actor": getpass.getuser(),
        "stage": "federate",
        "artifacts": [{**record(workspace, saved), "kept": False}],
        "inputs": [],
        "run": {"mlflow": run},
        "round": {"number": found.number, "of": rounds},
        "clients": [
            {
                "client": part.client,
                "partition": part.partition,
                "update": part.digest,
                "weight": repr(part.weight),
            }
            for part in found.parts
        ],
        "events": [str(event)[:300] for event in found.events],
        "traffic": {"up": found.bytes_up, "down": found.bytes_down},
    }
    if privacy is not None:
        body["privacy"] = as_text(privacy)
    return Log.open(workspace.provenance).append(body)


def as_text(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fractions as decimal text: canonical JSON has no infinity, and 0.1 stays 0.1."""
    return {k: repr(v) if isinstance(v, float) else v for k, v in values.items()}
