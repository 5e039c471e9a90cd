"""The model card: what the model is, learned from, scores, cannot do, and how to check all that.

Written from the stages' own figures, so that it cannot claim what was not measured. The same inputs
give the same text: no dates, no run ids.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from models.metrics import mean_over_groups
from provenance.releases import CONFIG, PREDICTIONS, WEIGHTS
from tasks.params.release import ReleaseParams
from tasks.release.decision import read_predictions
from tasks.release.figures import table, tables
from tasks.release.source import Source

FEW_CLIPS = 100
"""Below this a figure's interval is so wide that the card warns of it."""


def model_card(source: Source, params: ReleaseParams, checked: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        source: the model, its figures and its data.
        params: `release` of params.yaml.
        checked: what the gate saw.
    """
    answers = read_predictions(source.model[PREDICTIONS])
    sections = (
        [f"# {params.name}", _purpose(source)],
        _verify(source, params),
        _data(source),
        _figures(source, checked),
        _by_language(answers, params),
        _limits(source, answers),
        ["## Licence", f"Weights: {params.licence}. Data: {_data_licence(source)}."],
    )
    return "\n\n".join(block for section in sections for block in section) + "\n"


def _purpose(source: Source) -> str:
    classes = sorted(_classes(source.manifest)["label"].unique())
    return (
        "Names the category of something shown, written or spoken, from any of: a picture, an "
        "English caption, a text, a recording. It also finds the text that belongs to a recording, "
        "and the picture that belongs to a caption. "
        f"{len(classes)} categories: {', '.join(classes)}."
    )


def _verify(source: Source, params: ReleaseParams) -> list[str]:
    digests = table(
        ["file", "BLAKE3"],
        [[f"`{name}`", f"`{source.model[name].digest}`"] for name in source.model],
    )
    return [
        "## Is this the model?",
        digests,
        "These digests are in the signed provenance log. `cairn verify` reads every file again and "
        "names the first that differs; `b3sum model.safetensors` shows one digest by other means. "
        f"`mlflow.pyfunc.load_model('models:/{params.name}@champion')` and `cairn predict` refuse "
        f"a `{WEIGHTS}` or `{CONFIG}` whose bytes changed.",
    ]


def _data(source: Source) -> list[str]:
    facts = ", ".join(f"{key} {value}" for key, value in sorted(source.report["source"].items()))
    rows = [
        [
            str(split),
            f"{len(part):,}",
            f"{part['group'].nunique():,}",
            str(part["language"].nunique()),
        ]
        for split, part in _classes(source.manifest).groupby("split", sort=True)
    ]
    others = int((~source.manifest["is_class"]).sum())
    return [
        "## Data",
        f"{facts or 'A source that says nothing about itself'}.",
        table(["split", "clips", "groups", "languages"], rows),
        "Groups keep together what is nearly the same; no group is in two splits, so every group "
        f"of the test was unseen. {others:,} more clips have none of the categories and served to "
        "align speech, text and pictures only.",
    ]


def _figures(source: Source, checked: Mapping[str, Any]) -> list[str]:
    gate = [
        [name, f"{facts['value']:.4g}", _limits_of(facts)]
        for name, facts in sorted(checked.items())
    ]
    return [
        "## Figures",
        "On the test clips; in brackets the 95% interval over groups, where one was computed.",
        *tables(source.metrics),
        "### The gate",
        table(["figure", "value", "limit"], gate) if gate else "No limits were set.",
    ]


def _by_language(answers: pd.DataFrame, params: ReleaseParams) -> list[str]:
    rows = []
    for language, part in answers.groupby("language", sort=True):
        found = mean_over_groups(
            (part["label"] == part["predicted"]).to_numpy().astype(np.float64),
            part["group"].to_numpy(dtype=str),
            resamples=params.resamples,
            seed=params.promotion.seed,
        )
        rows.append(
            [
                str(language),
                str(len(part)),
                f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})",
            ]
        )
    return [
        "### Accuracy by language",
        "Everything present (picture, texts, sound); the language is that of text and sound.",
        table(["language", "test clips", "accuracy"], rows),
    ]


def _limits(source: Source, answers: pd.DataFrame) -> list[str]:
    counts = answers["language"].value_counts().sort_index()
    few = [f"{language} ({count})" for language, count in counts.items() if count < FEW_CLIPS]
    trained = _classes(source.manifest)
    groups = trained[trained["split"] == "train"].groupby("label")["group"].nunique().sort_index()
    rarest = str(groups.idxmin())
    limits = [
        "It always answers with one of its categories, even where none fits.",
        "Its confidence is trustworthy only as far as the calibration figures above say.",
        "A spoken word that training never heard says little about its category: sound alone is "
        "meant for finding the text that goes with it.",
        "Languages may be spoken by one voice each: do not use it to tell languages or speakers.",
        f"The rarest category in training is {rarest}, with {groups.min()} groups.",
        *([f"Few test clips in {', '.join(few)}: those figures are uncertain."] if few else []),
        *source.report["warnings"],
    ]
    return ["## Limits", "\n".join(f"- {limit}" for limit in limits)]


def _data_licence(source: Source) -> str:
    facts = {"licence": "as its source states it", **source.report["source"]}
    return str(facts["licence"])


def _classes(manifest: pd.DataFrame) -> pd.DataFrame:
    return manifest[manifest["is_class"]]


def _limits_of(facts: Mapping[str, float]) -> str:
    said: Iterable[str] = (
        f"{kind.replace('_', ' ')} {facts[kind]:g}"
        for kind in ("at_least", "at_most")
        if kind in facts
    )
    return ", ".join(said)
