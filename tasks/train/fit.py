"""The train stage: learn from three modalities, judge on unseen groups, record what came out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch
from prefect import task
from prefect.cache_policies import NO_CACHE
from safetensors.torch import save_file

from models.batches import VIEWS, Data
from models.calibration import fit_gates
from models.encoders.packaged import artifacts, weights_digest
from models.multimodal import Multimodal, build
from models.objective import Weights
from models.spec import Spec
from models.training import Report, Settings, State, fit
from provenance import Artifact
from tasks.params.train import TrainParams
from tasks.progress import say
from tasks.resume import Resume
from tasks.tracked import TrackedRun, tracked_run
from tasks.train.evaluate import Evaluation, evaluate, headline_figures
from tasks.train.examples import assemble, describe, learning_data, rows_of
from tasks.train.features import chosen, class_names, encode
from tasks.train.report import report
from tasks.upstream import upstream
from tasks.workspace import Workspace

SHOWN = ("train_loss", "val_loss", "val_accuracy")
"""Figures of an epoch that a person watching sees; MLflow has all of them."""


@task(retries=1, retry_delay_seconds=10, cache_policy=NO_CACHE)  # dvc decides what is stale
def train_model(params: TrainParams, workspace: Workspace) -> Artifact:
    """Encode, fit, keep the best epoch, judge it, anchor it.

    Raises:
        InputError: validation has not passed, a split is empty, a packaged encoder is missing.
        TamperedError: manifest, media or verdict are not the logged bytes.
        DivergedError: the loss became NaN; names the step and the learning rate.
    """
    inputs = [
        upstream(workspace, workspace.stage("validate") / "verdict.json"),
        upstream(workspace, workspace.manifest),
        upstream(workspace, workspace.media),
    ]
    manifest = pd.read_parquet(workspace.manifest)
    with tracked_run("train", params, inputs=inputs, workspace=workspace) as run:
        for name in chosen(params.encoders):
            for weights in artifacts(name):
                run.external(weights)
        features = encode(manifest, workspace, params.encoders)
        spec = describe(manifest, features, params)
        examples = assemble(manifest, features, spec)
        resume = Resume.of(workspace, "train", _decides(params, inputs, spec))
        names = class_names(workspace, params.encoders)
        model = build(spec, seed=params.seed, class_names=names)
        with reproducible(params.threads):
            data = learning_data(manifest, examples)
            state = _learn(model, data, params, run, resume)
            fit_gates(model, examples, data.validation, decay=params.gate_decay)
            found = evaluate(model, examples, manifest, rows_of(manifest, "test"), params)
        _datasets(run, manifest, inputs[1])
        _summarise(run, found, state)
        art = _publish(run, model, found, params, workspace)
        report(
            run,
            found.predictions,
            found.metrics,
            found.retrieval,
            workspace,
            bins=params.calibration_bins,
        )
    resume.clear()
    return art


@contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """Deterministic algorithms on a fixed number of threads; restores both settings afterwards."""
    before = torch.get_num_threads()
    strict = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(strict)


def settings(params: TrainParams) -> Settings:
    """The parameters as the training loop takes them."""
    return Settings(
        epochs=params.epochs,
        patience=params.patience,
        batch_size=params.batch_size,
        learning_rate=params.learning_rate,
        weight_decay=params.weight_decay,
        smoothing=params.smoothing,
        modality_dropout=params.modality_dropout,
        average=params.average,
        clip=params.clip,
        weights=Weights(**params.loss.model_dump()),
        seed=params.seed,
    )


def _learn(
    model: Multimodal, data: Data, params: TrainParams, run: TrackedRun, resume: Resume
) -> State:
    def on_epoch(told: Report) -> None:
        run.metrics(told.metrics, step=told.epoch)
        resume.write(told.state)
        figures = {name: told.metrics[name] for name in SHOWN}
        text = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        say(f"epoch {told.epoch} of at most {params.epochs}: {text}")

    state: State | None = resume.read()
    if state is not None:
        say(f"going on after epoch {state['epoch']} of an interrupted run")
    return fit(model, data, settings(params), on_epoch=on_epoch, state=state)


def _decides(params: TrainParams, inputs: list[Artifact], spec: Spec) -> dict[str, Any]:
    return {
        "params": params.model_dump(mode="json"),
        "inputs": [artifact.digest for artifact in inputs],
        "spec": spec.plain(),
        "weights": {name: weights_digest(name) for name in chosen(params.encoders)},
    }


def _datasets(run: TrackedRun, manifest: pd.DataFrame, source: Artifact) -> None:
    for split, rows in manifest.groupby("split", sort=True):
        run.dataset(name=f"manifest-{split}", digest=source.digest, frame=rows, context=str(split))


def _summarise(run: TrackedRun, found: Evaluation, state: State) -> None:
    run.summary(headline_figures(found.metrics))
    run.summary({"best_epoch": state["best_epoch"], "epochs": state["epoch"]})


def _publish(
    run: TrackedRun,
    model: Multimodal,
    found: Evaluation,
    params: TrainParams,
    workspace: Workspace,
) -> Artifact:
    folder = workspace.stage("train")
    tensors = {name: value.contiguous() for name, value in sorted(model.state_dict().items())}
    config = {
        "model": model.spec.plain(),
        "encoders": params.encoders.model_dump(mode="json"),
        "weights": {name: weights_digest(name) for name in chosen(params.encoders)},
        "views": list(VIEWS),
    }
    run.publish(folder / "config.json", lambda path: _write_json(path, config))
    run.publish(folder / "metrics.json", lambda path: _write_json(path, found.metrics))
    run.publish(
        folder / "predictions.parquet", lambda path: found.predictions.to_parquet(path, index=False)
    )
    weights = run.publish(folder / "model.safetensors", lambda path: save_file(tensors, path))
    with TemporaryDirectory() as temporary:  # under their own names, which staged files lack
        copies = Path(temporary)
        _write_json(copies / "config.json", config)
        save_file(tensors, copies / "model.safetensors")
        run.attach(copies, under="model")
    return weights


def _write_json(path: Path, values: dict[str, Any]) -> None:
    text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
