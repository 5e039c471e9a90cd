"""Which mistakes are the worst: those the model was surest of, one for each item."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from tasks.train.evaluate import FUSED

SINGLES = {"image": ("image",), "text": ("caption", "text"), "audio": ("audio",)}
"""The modalities and the columns of the manifest that hold them."""


@dataclass(frozen=True)
class Mistake:
    """One clip that the model put in a wrong class.

    Args:
        id: of the clip.
        language: that is spoken and written in it.
        truth: the right class.
        answer: the class that the model named.
        probabilities: class to probability, highest first.
        alone: modality to the class it would have named alone, and its confidence.
        caption: in English, or None.
        text: in the clip's language, or None.
        image: path relative to the media folder, or None.
        audio: the same of the sound.
        also: languages in which the same item went wrong too.
    """

    id: str
    language: str
    truth: str
    answer: str
    probabilities: dict[str, float]
    alone: dict[str, tuple[str, float]]
    caption: str | None
    text: str | None
    image: str | None
    audio: str | None
    also: tuple[str, ...]


def worst_mistakes(predictions: pd.DataFrame, manifest: pd.DataFrame, count: int) -> list[Mistake]:
    """Wrong answers with all modalities given, surest first, the surest clip of each item.

    The clips of an item share a picture and a meaning: nine languages of one mistake would hide
    eight others.

    Args:
        predictions: one row per test clip, as `tasks.train.evaluate` makes them.
        manifest: has id, caption, text, image and audio of these clips.
        count: how many at most.
    """
    media = manifest[["id", "caption", "text", "image", "audio"]]
    rows = predictions.merge(media, on="id", how="left", validate="one_to_one")
    wrong = rows[rows["predicted"] != rows["label"]]
    wrong = wrong.sort_values(["confidence", "id"], ascending=[False, True])
    languages = wrong.groupby("item")["language"].agg(list)
    chosen = wrong.drop_duplicates("item").head(count)
    found: list[dict[Any, Any]] = chosen.to_dict("records")
    return [_mistake(row, languages[row["item"]]) for row in found]


def _mistake(row: dict[Any, Any], languages: list[str]) -> Mistake:
    alone = {
        modality: (row[f"predicted:{modality}"], max(_probabilities(row, modality).values()))
        for modality, columns in SINGLES.items()
        if any(pd.notna(row[column]) for column in columns)
    }
    return Mistake(
        id=row["id"],
        language=row["language"],
        truth=row["label"],
        answer=row["predicted"],
        probabilities=_probabilities(row, FUSED),
        alone=alone,
        caption=_text(row["caption"]),
        text=_text(row["text"]),
        image=_text(row["image"]),
        audio=_text(row["audio"]),
        also=tuple(sorted(set(languages) - {row["language"]})),
    )


def _probabilities(row: dict[Any, Any], subset: str) -> dict[str, float]:
    """Class to probability, highest first."""
    prefix = f"probability:{subset}:"
    found = {
        name.removeprefix(prefix): float(value)
        for name, value in row.items()
        if name.startswith(prefix)
    }
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _text(value: str | float | None) -> str | None:
    return None if pd.isna(value) else str(value)
