"""The task: everything that a release does, in order."""

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from rich.console import Console

from provenance import Artifact, Log, ProvenanceError
from provenance.page import lineage_json, lineage_page
from provenance.releases import CARD, Release, champion, released_before
from tasks.params.release import ReleaseParams
from tasks.release.attest import attest
from tasks.release.card import model_card
from tasks.release.decision import Decision, decide
from tasks.release.family import log_family, read_family, register_family
from tasks.release.gate import check_gate, flatten
from tasks.release.registry import anchor, files_of, log_model, register, set_aliases
from tasks.release.source import Source, read_source
from tasks.release.summary import verify_and_print
from tasks.release.variant import read_variant
from tasks.tracked import TrackedRun, tracked_run
from tasks.tracking import connect
from tasks.verification import record_policy
from tasks.workspace import Workspace

OUTPUT = "release.json"


@dataclass(frozen=True)
class Logged:
    """A model that MLflow holds, but that has no version yet: nobody can find it by name."""

    uri: str
    files: tuple[Artifact, ...]


@task(name="release", cache_policy=NO_CACHE)  # no retry: a gate that said no says it again
def release_model(params: ReleaseParams, workspace: Workspace) -> Artifact:
    """Release the model that the train stage made, or say why not.

    The same model released again keeps its version: nothing new is registered.

    Args:
        params: `release` of params.yaml.
        workspace: where everything lives.

    Returns:
        release.json: digests of the model, and what the gate saw.

    Raises:
        CheckFailed: the gate said no, or the final verification found something wrong.
        TamperedError: bytes changed since they were logged, of this model or of the champion.
        InputError: an upstream output is missing, a limit is set on an unknown figure, or
            policy.yaml is no policy.
    """
    source = read_source(workspace)
    log = Log.open(workspace.provenance)
    record_policy(log, workspace, change=False)  # the first one; `cairn approve` changes it
    members, read = read_family(workspace)
    variant, also_read, verdict = read_variant(workspace, source)
    inputs = (*source.inputs, read, *also_read)
    with tracked_run("release", params, inputs=inputs, workspace=workspace) as run:
        checked = check_gate(flatten(source.metrics), params.gate)
        decision = decide(source, champion(log, params.name), workspace.root, params.promotion)
        card = model_card(source, params, checked)
        known = released_before(log, params.name, source.model, source.split)
        prepared = known or _log(run, params.name, source, card)
        family = log_family(
            connect(workspace), log, params.name, (*members, *variant), source.split
        )
        run.tag("release.quantum", f"{'registered' if variant else 'not registered'}: {verdict}")
        output = _publish(run, source, card, checked)
        _tell(run, decision)
    # Only now that the run has happened does the model get a version that people can find.
    if isinstance(prepared, Logged):
        made = _register(log, run, params.name, prepared, card, source.split, decision)
    else:
        made = _confirm(log, run, prepared, decision)
    mlflow = connect(workspace)
    attest(mlflow, workspace, log, made)
    _draw(mlflow, run.run_id, log, made)
    set_aliases(mlflow, log, made)
    register_family(run, mlflow, log, params.name, family, source.split, decision)
    verify_and_print(workspace, log, made, decision.reason, Console())
    return output


def _log(run: TrackedRun, name: str, source: Source, card: str) -> Logged:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / CARD
        path.write_text(card, encoding="utf-8")
        files = (*source.model.values(), Artifact.of(path))
        return Logged(log_model(connect(run.workspace), name, files), files)


def _publish(run: TrackedRun, source: Source, card: str, checked: dict[str, Any]) -> Artifact:
    record = {
        "files": {name: made.digest for name, made in source.model.items()},
        "gate": checked,
        "test_split": source.split,
    }
    text = json.dumps(record, indent=2, sort_keys=True) + "\n"
    folder = run.workspace.stage("release")
    run.publish(folder / CARD, lambda path: _write(path, card))
    return run.publish(folder / OUTPUT, lambda path: _write(path, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _tell(run: TrackedRun, decision: Decision) -> None:
    """The decision, where people look at runs: a tag, figures and a page."""
    run.tag("release.champion", str(decision.champion).lower())
    run.page("release/decision.txt", decision.reason + "\n")
    if (found := decision.comparison) is not None:
        run.summary(
            {
                "candidate_accuracy": found.candidate,
                "champion_accuracy": found.champion,
                "promotion_p_value": found.p_value,
            }
        )


def _register(
    log: Log,
    run: TrackedRun,
    name: str,
    logged: Logged,
    card: str,
    split: str,
    decision: Decision,
) -> Release:
    """Give a logged model its version, and anchor every file of it."""
    mlflow = connect(run.workspace)
    version = register(mlflow, name, uri=logged.uri, run=run.run_id, card=card)
    files = files_of(mlflow, run.workspace, name, version, logged.files)
    made = Release(name, version, decision.champion, decision.reason, split, files)
    _anchor(log, run, made)
    return made


def _confirm(log: Log, run: TrackedRun, known: Release, decision: Decision) -> Release:
    """A version that exists: anchor it once more only if it becomes champion again."""
    if not decision.champion or champion(log, known.model) == known:
        return known
    crowned = replace(known, champion=True, reason=decision.reason)
    _anchor(log, run, crowned)
    return crowned


def _anchor(log: Log, run: TrackedRun, made: Release) -> None:
    entry = log.find(run.run_id)
    if entry is None:
        raise ProvenanceError(f"run {run.run_id} is not in the log that it was committed to")
    anchor(log, made, run=run.run_id, inputs=entry.body["inputs"])


def _draw(mlflow: ModuleType, run: str, log: Log, made: Release) -> None:
    """Where the model came from, on the page of the run."""
    client = mlflow.MlflowClient()
    client.log_text(run, lineage_page(log, made.model, made.version), "lineage/lineage.html")
    client.log_text(run, lineage_json(log, made.model, made.version), "lineage/lineage.json")
