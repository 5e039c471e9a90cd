"""The search stage: train every small head at once, then look for the ones worth having."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from blake3 import blake3
from prefect import task
from prefect.cache_policies import NO_CACHE
from safetensors.torch import save_file
from torch import Tensor

from models.search.hypervolume import curve
from models.search.space import Config, Space
from models.search.supernet import Supernet
from provenance import Artifact
from tasks.params.search import SearchParams
from tasks.progress import say
from tasks.search.children import Children
from tasks.search.figures import front_picture, hypervolume_picture, parallel_picture
from tasks.search.judge import Judge
from tasks.search.latency import Cost, measure
from tasks.search.learn import learn
from tasks.search.source import Source, read_source
from tasks.search.study import Outcome, Plan, Stages, Tried, best, search, table
from tasks.search.table import proxy_table
from tasks.search.trials import measuring
from tasks.search.views import Elastic, elastic_views, extremes, space_of
from tasks.tracked import TrackedRun, tracked_run
from tasks.tracking import connect
from tasks.train.cache import tensor_digest
from tasks.workspace import Workspace

CODE = "1"
"""Raise it whenever a change here changes what a trial finds: no search goes on across it."""
EVERY = 100
"""Trials between two lines to a person watching."""


@task(retries=1, retry_delay_seconds=10, cache_policy=NO_CACHE)  # dvc decides what is stale
def search_architectures(params: SearchParams, workspace: Workspace) -> Artifact:
    """Train the supernets, search, publish the front.

    Raises:
        InputError: an earlier stage has not run, or the space does not fit the trained model.
        TamperedError: an output of an earlier stage is not what was logged.
    """
    source = read_source(workspace)
    with tracked_run("search", params, inputs=source.inputs, workspace=workspace) as run:
        views = elastic_views(source, workspace, params.space)
        cost, latencies = measure(source, views, workspace, repeats=params.repeats)
        nets = learn(source, views, params)
        judge = Judge(source, views, nets, source.validation)
        space = Space.of(space_of(views))
        plan = Plan(
            space=space,
            first=extremes(views),
            trials=params.trials,
            sampler=params.sampler,
            seed=params.seed,
            hints=lambda config: _costs(cost, views, config, params),
            workers=params.workers,
        )
        folder = workspace.mlruns / "search" / _digest(params, source, cost, nets)
        stages = _stages(source, views, nets, judge, cost, params)
        children = Children(
            connect(workspace), run.run_id, space=json.dumps(space_of(views)), seed=params.seed
        )
        with measuring(stages, params.workers) as round_:
            finished = search(plan, round_, folder=folder, on_trial=_told(children, params.trials))
        art = _publish(run, workspace, params, views, nets, judge, finished, source)
        _pictures(run, space, finished)
        run.attach(latencies, under="latency")
    _keep_last(folder)
    return art


def _stages(
    source: Source,
    views: Mapping[str, Elastic],
    nets: Mapping[str, Supernet],
    judge: Judge,
    cost: Cost,
    params: SearchParams,
) -> Stages:
    part = Judge(source, views, nets, _part(source, params.early.part, params.seed))

    def full(config: Config) -> tuple[float, dict[str, float]]:
        found = judge.figures(config)
        return found.loss, {"accuracy": found.accuracy, "r10": found.r10}

    return Stages(
        cost=lambda config: _costs(cost, views, config, params),
        quick=lambda config: part.figures(config).loss,
        full=full,
        early=params.early,
    )


def _costs(
    cost: Cost, views: Mapping[str, Elastic], config: Config, params: SearchParams
) -> tuple[float, int]:
    choices = {view: elastic.choice(config) for view, elastic in views.items()}
    return cost.latency(choices), cost.size(choices, params.bits)


def _part(source: Source, share: float, seed: int) -> Tensor:
    """Rows of some validation groups, whole groups, at least one."""
    groups = source.manifest["group"].to_numpy(dtype=str)[source.validation.numpy()]
    names = np.random.default_rng(seed).permutation(np.unique(groups))
    kept = names[: max(1, round(share * len(names)))]
    return source.validation[torch.from_numpy(np.isin(groups, kept))]


def _digest(params: SearchParams, source: Source, cost: Cost, nets: Mapping[str, Supernet]) -> str:
    """Of everything that decides a trial's outcome; a killed search goes on under the same one."""
    decides = {
        "code": CODE,
        "params": params.model_dump(mode="json"),
        "inputs": [artifact.digest for artifact in source.inputs],
        "ms": cost.ms,
        "weights": {
            f"{view}.{name}": tensor_digest(tensor)
            for view, net in nets.items()
            for name, tensor in net.state_dict().items()
        },
    }
    return blake3(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _told(children: Children, trials: int) -> Any:
    seen: list[Tried] = []

    def on_trial(tried: Tried) -> None:
        children(tried)
        seen.append(tried)
        if len(seen) % EVERY == 0 or len(seen) == trials:
            early = sum(bool(one.outcome.ended) for one in seen)
            say(f"trial {len(seen)} of {trials}: {len(best(seen))} on the front, {early} cut short")

    return on_trial


def _publish(
    run: TrackedRun,
    workspace: Workspace,
    params: SearchParams,
    views: Mapping[str, Elastic],
    nets: Mapping[str, Supernet],
    judge: Judge,
    finished: list[Tried],
    source: Source,
) -> Artifact:
    folder = workspace.stage("search")
    chosen = best(finished)
    proxies = proxy_table(chosen, source, views, judge)
    grown = _grown(finished)
    metrics = {
        "trials": len(finished),
        "ended_early": sum(bool(tried.outcome.ended) for tried in finished),
        "front": len(chosen),
        "hypervolume": float(grown[-1]) if len(grown) else 0.0,
        "teacher": {"accuracy": judge.teacher.accuracy, "r10": judge.teacher.r10},
        "proxies": proxies["spearman"],
    }
    run.summary({name: metrics[name] for name in ("trials", "ended_early", "front", "hypervolume")})
    run.page("proxies.json", _json(proxies))
    front = {
        "space": {name: list(values) for name, values in space_of(views).items()},
        "bits": params.bits,
        "teacher": metrics["teacher"],
        "front": [_member(tried) for tried in chosen],
    }
    tensors = {
        f"{view}.{name}": value.contiguous()
        for view, net in sorted(nets.items())
        for name, value in sorted(net.state_dict().items())
    }
    run.publish(folder / "metrics.json", lambda path: _write(path, _json(metrics)))
    run.publish(folder / "supernet.safetensors", lambda path: save_file(tensors, path))
    return run.publish(folder / "front.json", lambda path: _write(path, _json(front)))


def _member(tried: Tried) -> dict[str, Any]:
    outcome: Outcome = tried.outcome
    return {
        "trial": tried.number,
        "choice": tried.config,
        "loss": outcome.loss,
        "latency_ms": outcome.latency_ms,
        "bytes": outcome.bytes,
        **outcome.figures,
    }


def _pictures(run: TrackedRun, space: Space, finished: list[Tried]) -> None:
    whole = [tried for tried in finished if tried.outcome.values is not None]
    chosen = best(finished)
    run.picture("front.png", front_picture(whole, chosen))
    run.picture("parallel_coordinates.png", parallel_picture(space, whole, chosen))
    grown = _grown(finished)
    run.picture("hypervolume.png", hypervolume_picture(grown))
    for step, value in enumerate(grown.tolist()):
        if step % 10 == 0 or step == len(grown) - 1:
            run.metrics({"hypervolume_so_far": value}, step=step)


def _grown(finished: list[Tried]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Hypervolume after each whole trial, as a share of the box below the largest configuration,
    which loses nothing and costs most, and a loss of one half."""
    losses = table(finished)
    if not len(losses):
        return np.zeros(0)
    scaled = losses / np.array([0.5, *losses[:, 1:].max(axis=0)])
    return curve(scaled, [1.0, 1.0, 1.0])


def _keep_last(folder: Path) -> None:
    """Leave the finished study for a person to look into; no later search goes on from it."""
    last = folder.with_name("last")
    shutil.rmtree(last, ignore_errors=True)
    folder.rename(last)
    for other in folder.parent.iterdir():
        if other != last:
            shutil.rmtree(other)


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
