"""The quantum stage: train a quantum head and its opponents on a frozen model, and say who won."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from prefect import task
from prefect.cache_policies import NO_CACHE

from models.quantum.verdict import Verdict, judge
from provenance import Artifact
from tasks.params.quantum import QuantumParams
from tasks.progress import say
from tasks.quantum.backend import check_backend, head_config
from tasks.quantum.children import Children
from tasks.quantum.contest import Contest, compete
from tasks.quantum.decide import show_decisions
from tasks.quantum.decisions import Decision
from tasks.quantum.device import after_training, before_training
from tasks.quantum.figures.verdict import verdict_figure
from tasks.quantum.page import verdict_page
from tasks.quantum.publish import publish_head
from tasks.quantum.source import Source, read_embedded
from tasks.resume import Resume
from tasks.tracked import TrackedRun, tracked_run
from tasks.tracking import connect
from tasks.train.fit import reproducible
from tasks.workspace import Workspace

CODE = "1"
"""Raise it whenever a change here changes what a head learns: no run goes on across it."""
RESULT = ("seed", "components", "head", "training", "backend")
"""Settings that decide what the heads are."""


@task(cache_policy=NO_CACHE)  # no retry: a run that was stopped goes on by itself
def quantum_head(
    params: QuantumParams, workspace: Workspace, decisions: Sequence[Decision]
) -> Artifact:
    """Compare, judge, publish.

    Args:
        params: `quantum` of params.yaml.
        workspace: where everything lives.
        decisions: what was decided as QUBO, to be kept with the rest.

    Returns:
        verdict.json.

    Raises:
        InputError: an earlier stage has not run, or the circuit does not fit the data, memory or
            the device.
        TamperedError: something upstream was changed after it was logged.
        CheckFailed: training met a gradient that is no number.
    """
    check_backend(params.backend)
    source = read_embedded(workspace, params)
    config = head_config(params, features=source.train.x.shape[1], classes=len(source.classes))
    inputs = (*source.inputs, *(made for decision in decisions for made in decision.inputs))
    with tracked_run("quantum", params, inputs=inputs, workspace=workspace) as run:
        show_decisions(run, workspace, decisions)
        with reproducible(1):
            before_training(run, config, params)
            children = Children(connect(workspace), run.run_id)
            resume = Resume.of(workspace, "quantum", _decides(params, source))
            contest = compete(source, config, params, resume, on_head=children)
            verdict = judge(
                contest.scored, source.group, seed=params.seed, **params.verdict.model_dump()
            )
            after_training(run, contest, source, params)
        _tell(run, contest, verdict, source)
        publish_head(run, workspace, contest, source)
        art = _publish(run, workspace, contest, verdict, source)
    resume.clear()
    say(f"quantum head: {verdict.sentence(contest.cost)}; mlruns/stages/quantum, MLflow `quantum`")
    return art


def _decides(params: QuantumParams, source: Source) -> dict[str, Any]:
    # A price changes no head, and a run on a device that costs money shall go on all the same.
    prices = {"price_per_task", "price_per_shot"}
    settings = params.model_dump(mode="json", exclude={"backend": prices})
    return {
        "code": CODE,
        "params": {name: settings[name] for name in RESULT},
        "inputs": [artifact.digest for artifact in source.inputs],
    }


def _tell(run: TrackedRun, contest: Contest, verdict: Verdict, source: Source) -> None:
    sentence = verdict.sentence(contest.cost)
    run.tag("quantum.verdict", sentence)
    run.tag("quantum.gain", str(verdict.gain).lower())
    run.note("quantum", {"verdict": verdict.sentence(), "gain": verdict.gain})
    run.summary(
        {f"test.{head.name}.accuracy": head.accuracy for head in contest.scored}
        | {"cpu_cost": contest.cost, "p_value": verdict.main.adjusted}
        | {"difference": verdict.main.difference}
    )
    groups = len(np.unique(source.group))
    run.page("verdict.md", verdict_page(contest, verdict, rows=len(source.test.y), groups=groups))
    figure = verdict_figure(verdict, contest.scored, rows=len(source.test.y), groups=groups)
    run.picture("verdict.png", figure)


def _publish(
    run: TrackedRun, workspace: Workspace, contest: Contest, verdict: Verdict, source: Source
) -> Artifact:
    folder = workspace.stage("quantum")
    metrics = {
        head.name: {
            "accuracy": head.accuracy,
            "accuracy_by_seed": [float(value) for value in head.right.mean(1)],
            "validation": [float(value) for value in head.validation],
            "parameters": head.parameters,
        }
        for head in contest.scored
    } | {"commonest_class": source.commonest}
    told = verdict.plain() | {"config": asdict(contest.config), "torch": torch.__version__}
    run.publish(folder / "metrics.json", lambda path: _write(path, metrics))
    return run.publish(folder / "verdict.json", lambda path: _write(path, told))


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
