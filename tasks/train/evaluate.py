"""Judge a model on groups that it never saw: every subset of modalities, and retrieval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from models.batches import SUBSETS, Examples
from models.compression.answers import Answered
from models.metrics import mean_over_groups, reliability, score
from models.multimodal import Multimodal
from models.retrieval import DIRECTIONS, search
from tasks.errors import InputError
from tasks.params.train import TrainParams

Answering = Multimodal | Answered
"""What can be judged: the model, or the answers that a compressed one gave."""

FUSED = "fused"
"""Name of the subset in which everything is present."""
DEPTHS = (1, 5, 10)
PAIRED_BY_LANGUAGE = ("speech_to_text", "text_to_speech")


@dataclass(frozen=True)
class Evaluation:
    """What the test rows say about a model.

    Args:
        predictions: one row a labelled test clip: id, item, group, language, label, predicted,
            confidence, and for each subset of modalities `predicted:SUBSET` and
            `probability:SUBSET:CLASS`.
        metrics: nested figures, as metrics.json holds them.
        retrieval: one row per direction and language.
    """

    predictions: pd.DataFrame
    metrics: dict[str, Any]
    retrieval: pd.DataFrame


def evaluate(
    model: Answering,
    examples: Examples,
    manifest: pd.DataFrame,
    rows: Tensor,
    params: TrainParams,
) -> Evaluation:
    """Judge a model.

    Args:
        model: in evaluation mode.
        examples, manifest: the whole data set, aligned.
        rows: of the test split.
        params: resamples, bins, seed.

    Raises:
        InputError: no test row has a class.
    """
    labelled = rows[examples.label[rows] >= 0]
    if not len(labelled):
        raise InputError("no test row has one of `ingest.labels`: the model cannot be judged")
    probability = predict(model, examples, labelled)
    truth = examples.label[labelled].numpy()
    group = manifest["group"].to_numpy(dtype=str)
    retrieval = retrieve(model, examples, rows, group, params)
    metrics: dict[str, Any] = {
        name: _figures(found, truth, group[labelled.numpy()], params)
        for name, found in probability.items()
    }
    predictions = _predictions(probability, manifest.iloc[labelled.numpy()], model.spec.classes)
    metrics |= {"retrieval": _headlines(retrieval), "retrieval_by_language": _nested(retrieval)}
    return Evaluation(predictions, metrics, retrieval)


def headline_figures(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The figures that MLflow and the provenance entry of a training run show, by dotted name."""
    figures = {
        f"test.{subset}.{name}": value
        for subset, values in metrics.items()
        if not subset.startswith("retrieval")
        for name, value in values.items()
    }
    figures |= {
        f"test.{direction}.{name}": value
        for direction, values in metrics["retrieval"].items()
        for name, value in values.items()
    }
    return {name.replace("+", "-"): value for name, value in figures.items()}


def subset_name(subset: Sequence[str]) -> str:
    """`image+text`; all three are `fused`."""
    return FUSED if len(subset) == 3 else "+".join(subset)


@torch.no_grad()
def predict(model: Answering, examples: Examples, rows: Tensor) -> dict[str, np.ndarray]:
    """Class probabilities (N, C) for every subset of modalities."""
    parts: dict[str, list[Tensor]] = {subset_name(subset): [] for subset in SUBSETS}
    for some in torch.split(rows, 512):
        batch = examples.batch(some)
        for subset in SUBSETS:
            log_probability = model(batch.only(*subset)).log_probability
            parts[subset_name(subset)].append(log_probability.double().exp())
    return {name: torch.cat(found).numpy() for name, found in parts.items()}


def retrieve(
    model: Answering, examples: Examples, rows: Tensor, group: np.ndarray, params: TrainParams
) -> pd.DataFrame:
    """Recall at 1, 5 and 10 with intervals over groups.

    Speech and text are searched among one language's; pictures and captions among all. Columns:
    direction, language ("all" for pictures), queries, candidates, r1, r1_low, r1_high, r5, ...
    """
    lines = []
    for direction in DIRECTIONS:
        for language, own in _pools(model, examples, rows, direction):
            found = search(model, examples, own, direction)
            if found is None:
                continue
            line: dict[str, Any] = {"direction": direction, "language": language}
            line |= {"queries": len(found.rank), "candidates": found.candidates}
            for depth in DEPTHS:
                line |= mean_over_groups(
                    found.recall(depth),
                    group[found.row],
                    resamples=params.resamples,
                    seed=params.seed,
                ).flat(f"r{depth}")
            lines.append(line)
    return pd.DataFrame(lines)


def _pools(
    model: Answering, examples: Examples, rows: Tensor, direction: str
) -> list[tuple[str, Tensor]]:
    if direction not in PAIRED_BY_LANGUAGE:
        return [("all", rows)]
    spoken = examples.language[rows]
    pools = [(name, rows[spoken == i]) for i, name in enumerate(model.spec.languages)]
    return [(name, own) for name, own in pools if len(own)]


def _headlines(retrieval: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Mean over languages of each direction's recalls, languages counting alike."""
    depths = [f"r{depth}" for depth in DEPTHS]
    means = retrieval.groupby("direction", sort=True)[depths].mean()
    return {str(name): {d: float(row[d]) for d in depths} for name, row in means.iterrows()}


def _nested(retrieval: pd.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """The whole table: direction, language, figure."""
    nested: dict[str, dict[str, dict[str, float]]] = {}
    for line in retrieval.to_dict("records"):
        direction, language = str(line.pop("direction")), str(line.pop("language"))
        nested.setdefault(direction, {})[language] = {str(k): v for k, v in line.items()}
    return nested


def _figures(
    probability: np.ndarray, truth: np.ndarray, group: np.ndarray, params: TrainParams
) -> dict[str, float]:
    found = score(
        probability.argmax(1),
        truth,
        group,
        classes=probability.shape[1],
        resamples=params.resamples,
        seed=params.seed,
    )
    flat = {k: v for name, interval in found.items() for k, v in interval.flat(name).items()}
    return flat | {"ece": reliability(probability, truth, bins=params.calibration_bins).ece}


def _predictions(
    probability: Mapping[str, np.ndarray], clips: pd.DataFrame, classes: Sequence[str]
) -> pd.DataFrame:
    names = np.array(classes)
    columns: dict[str, Any] = {
        name: clips[name].to_numpy() for name in ("id", "item", "group", "language", "label")
    }
    columns["predicted"] = names[probability[FUSED].argmax(1)]
    columns["confidence"] = probability[FUSED].max(1)
    for subset, found in probability.items():
        columns[f"predicted:{subset}"] = names[found.argmax(1)]
        for index, name in enumerate(classes):
            columns[f"probability:{subset}:{name}"] = found[:, index]
    return pd.DataFrame(columns)
