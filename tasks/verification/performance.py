"""Performance: run the evaluation of a released model again, and compare with what was logged.

The released bytes are loaded, not the train stage's; the test clips are encoded anew, not read from
the cache of features: what could have been prepared to please is not used.
"""

import contextlib
import json
import math
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from safetensors.torch import load as read_tensors

from models.features import Features
from models.multimodal import build
from models.spec import Spec
from provenance import Artifact, Entry, Reason, TamperedError
from provenance.checks.case import Case
from provenance.checks.target import Target
from provenance.checks.verdict import Category, Verdict, failed, not_checked, passed
from provenance.lineage import ancestors
from provenance.releases import CONFIG, WEIGHTS, Release
from provenance.report import Finding
from tasks.params.train import TrainParams
from tasks.release.gate import flatten
from tasks.train.evaluate import Evaluation, evaluate, headline_figures
from tasks.train.examples import assemble, rows_of
from tasks.train.features import encode
from tasks.train.fit import reproducible
from tasks.workspace import Workspace

METRICS = "metrics.json"
SHOWN = 5
"""Figures named in a finding; the others are counted."""


def performance(case: Case, workspace: Workspace, target: Target, tolerance: float) -> Verdict:
    """Judge the newest release of the target again.

    Args:
        tolerance: highest absolute difference of a figure; see policy.yaml.
    """
    if case.reading is None:
        return case.refused(Category.PERFORMANCE)
    if not target.releases:
        return not_checked(
            Category.PERFORMANCE, Reason.NOTHING_TO_CHECK, f"{target.name}: no release to judge"
        )
    entry = target.releases[-1]
    history, release = case.reading.history, Release.of(entry.body)
    behind = [history.entry(seq) for seq in ancestors(history, entry)]
    train = next((old for old in behind if old.body.get("stage") == "train"), None)
    if train is None:
        return not_checked(
            Category.PERFORMANCE,
            Reason.CANNOT_CHECK,
            f"{release.model} version {release.version}: no training run is logged behind it",
        )
    try:
        found = judge_again(workspace, release, train)
        written = _written(workspace.root, train)
    except TamperedError as error:
        return not_checked(
            Category.PERFORMANCE,
            Reason.CANNOT_CHECK,
            f"what it was judged on is no longer here: {error}",
        )
    logged = {name: float(value) for name, value in train.body["metrics"].items()}
    again = headline_figures(found.metrics)
    drift = [
        *_drift(
            "logged", {n: v for n, v in logged.items() if n.startswith("test.")}, again, tolerance
        ),
        *_drift("in metrics.json", written, flatten(found.metrics), tolerance),
    ]
    if not written and not any(name.startswith("test.") for name in logged):
        return not_checked(
            Category.PERFORMANCE,
            Reason.NOTHING_TO_CHECK,
            f"{release.model} version {release.version}: its training run logged no test figures",
        )
    count = f"{len(again)} logged figures and {len(written)} in metrics.json"
    if drift:
        more = f", and {len(drift) - SHOWN} more" if len(drift) > SHOWN else ""
        message = f"{release.model} version {release.version}: {'; '.join(drift[:SHOWN])}{more}"
        finding = Finding(Reason.METRIC_DRIFT, message, train.seq)
        return failed(Category.PERFORMANCE, finding, evidence=(count, *drift))
    return passed(
        Category.PERFORMANCE,
        f"{count} came out again within {tolerance:g}",
        f"model blake3 {release.digest(WEIGHTS)}, {len(found.predictions)} test clips",
    )


def judge_again(workspace: Workspace, release: Release, train: Entry) -> Evaluation:
    """Evaluate the released model on the recorded test clips.

    Raises:
        TamperedError: model or data are not the recorded bytes.
    """
    root = workspace.root
    inputs = {root / record["path"]: record["blake3"] for record in train.body["inputs"]}
    for path in (workspace.manifest, workspace.media):
        if path not in inputs:
            message = f"{workspace.relative(path)} is no input of the training run"
            raise TamperedError(message, Reason.LINEAGE_GAP)
    tensors = read_tensors(release.artifact(root, WEIGHTS).read())
    config = json.loads(release.artifact(root, CONFIG).read())
    Artifact(workspace.media, inputs[workspace.media], 0).verified()
    params = TrainParams.model_validate(train.body["params"])
    table = Artifact(workspace.manifest, inputs[workspace.manifest], 0).read()
    manifest = pd.read_parquet(BytesIO(table))
    spec = Spec.of(config["model"])
    features = _test_features(manifest, workspace, params)
    model = build(spec, seed=0)  # any seed: every weight is replaced
    model.load_state_dict(tensors, strict=True)
    examples = assemble(manifest, features, spec)
    with reproducible(params.threads):
        return evaluate(model.eval(), examples, manifest, rows_of(manifest, "test"), params)


def _test_features(manifest: pd.DataFrame, workspace: Workspace, params: TrainParams) -> Features:
    """Features of the test clips, encoded anew; of the others only texts, for the vocabulary."""
    seen = manifest.copy()
    other = seen["split"] != "test"
    encoders = params.encoders
    media = ["image", "image_blake3"]
    if encoders.audio == "whisper-tiny":  # frames are padded to the longest clip of all
        media += ["audio", "audio_blake3"]
    if encoders.text != "chars":  # captions that are read by letter make the vocabulary
        media.append("caption")
    seen.loc[other, media] = None
    with TemporaryDirectory() as folder:
        return encode(seen, _Elsewhere(workspace.root, Path(folder)), encoders)


class _Elsewhere(Workspace):
    """The workspace with an empty cache of features."""

    def __init__(self, root: Path, features: Path) -> None:
        super().__init__(root)
        object.__setattr__(self, "_features", features)

    @property
    def features(self) -> Path:
        return Path(object.__getattribute__(self, "_features"))


def _written(root: Path, train: Entry) -> dict[str, float]:
    """The figures of metrics.json, which the gate reads; none if a newer run has replaced it."""
    for record in train.body["artifacts"]:
        if record["path"].endswith(f"/{METRICS}"):
            with contextlib.suppress(TamperedError):
                return flatten(
                    json.loads(Artifact(root / record["path"], record["blake3"], 0).read())
                )
    return {}


def _drift(
    where: str, before: Mapping[str, float], after: Mapping[str, float], tolerance: float
) -> Iterator[str]:
    if not before:
        return
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"{name} is not {where}"
        elif name not in after:
            yield f"{name} is {where}, but did not come out"
        elif not _close(before[name], after[name], tolerance):
            yield f"{name} is {before[name]:.6g} {where}, {after[name]:.6g} came out"


def _close(one: float, other: float, tolerance: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return abs(one - other) <= tolerance
