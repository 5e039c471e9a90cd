"""What a compressed model loses on the test clips, and how sure we may be of it.

Figures are shares of the teacher's own, on the same clips: 0.02 says that 2% of what the teacher
got right is gone. Intervals resample whole groups (near copies stay together), the same draw for
both models. Shapes: N clips, Q queries, G groups, L languages, R resamples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.compression.answers import Answered, Answers, with_answers
from models.retrieval import search
from tasks.compress.source import Source
from tasks.train.evaluate import FUSED, predict

Floats = NDArray[np.float64]
RESAMPLES, SEED = 2000, 7
DEPTH = 10


@dataclass(frozen=True)
class Outcomes:
    """Answers to the test clips.

    Args:
        right: 1 where the category is named (N,).
        clip_group: group of each labelled clip (N,).
        hit: 1 where the text is among the first ten that its recording finds (Q,).
        query_group, query_language: of each query (Q,).
    """

    right: Floats
    clip_group: NDArray[np.str_]
    hit: Floats
    query_group: NDArray[np.str_]
    query_language: NDArray[np.int64]


def outcomes(source: Source, answers: Mapping[str, Answers]) -> Outcomes:
    """Judge a model by what each of its views answered."""
    model = Answered(source.teacher.spec, source.teacher.fusion).eval()
    examples = with_answers(source.examples, answers)
    group = source.manifest["group"].to_numpy(dtype=str)
    labelled = source.test[examples.label[source.test] >= 0]
    said = predict(model, examples, labelled)[FUSED].argmax(1)
    hit, row, language = [], [], []
    for number in torch.unique(examples.language[source.test]).tolist():
        own = source.test[examples.language[source.test] == number]
        found = search(model, examples, own, "speech_to_text")
        if found is not None:
            hit.append(found.recall(DEPTH))
            row.append(found.row)
            language.append(np.full(len(found.row), number))
    return Outcomes(
        right=(said == examples.label[labelled].numpy()).astype(float),
        clip_group=group[labelled.numpy()],
        hit=np.concatenate(hit),
        query_group=group[np.concatenate(row)],
        query_language=np.concatenate(language),
    )


def losses(model: Outcomes, teacher: Outcomes) -> dict[str, Any]:
    """Accuracy and R@10 of a model, and what it loses against the teacher, with intervals.

    `loss` is the larger of the two relative losses.
    """
    one_kind = np.zeros(len(model.right), dtype=np.int64)
    accuracy = [_parts(found.right, found.clip_group, one_kind) for found in (model, teacher)]
    recall = [
        _parts(found.hit, found.query_group, found.query_language) for found in (model, teacher)
    ]
    told: dict[str, Any] = {}
    for name, pair in (("accuracy", accuracy), ("r10", recall)):
        own, reference = (_means(parts, None) for parts in pair)
        drawn, against = (_means(parts, RESAMPLES) for parts in pair)
        told[name] = float(own[0])
        told |= _interval(f"{name}_loss", 1 - own / reference, 1 - drawn / against)
    told["loss"] = max(told["accuracy_loss"], told["r10_loss"])
    return told


def _parts(value: Floats, group: NDArray[np.str_], kind: NDArray[np.int64]) -> tuple[Floats, ...]:
    """Sums and counts (G, L) of a figure by group and kind."""
    _, place = np.unique(group, return_inverse=True)
    _, kind = np.unique(kind, return_inverse=True)
    shape = (int(place.max()) + 1, int(kind.max()) + 1)
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (place, kind), value)
    np.add.at(counts, (place, kind), 1)
    return sums, counts


def _means(parts: tuple[Floats, ...], resamples: int | None) -> Floats:
    """Mean over kinds, each counting alike, of the figure as it is or of each resample."""
    sums, counts = parts
    number = len(sums)
    draws = np.ones((1, number))
    if resamples is not None:
        generator = np.random.default_rng(SEED)  # the same draws for both models
        draws = generator.multinomial(number, np.full(number, 1 / number), resamples).astype(float)
    with np.errstate(invalid="ignore"):
        shares = (draws @ sums) / (draws @ counts)
    return np.asarray(np.nanmean(shares, axis=1), dtype=float)  # a rare language may not be drawn


def _interval(name: str, value: Floats, sampled: Floats) -> dict[str, float]:
    low, high = np.quantile(sampled, (0.025, 0.975))
    return {name: float(value[0]), f"{name}_low": float(low), f"{name}_high": float(high)}
