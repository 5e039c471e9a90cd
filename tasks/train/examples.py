"""From the manifest and the encoders' features to what the model takes."""

import pandas as pd
import torch
from torch import Tensor

from models.batches import Data, Examples
from models.encoders import image_efficientnet, text_minilm
from models.features import Features
from models.spec import Spec, TowerSpec
from tasks.errors import InputError
from tasks.params.train import TrainParams


def describe(manifest: pd.DataFrame, features: Features, params: TrainParams) -> Spec:
    """The model's spec for this data set.

    Args:
        manifest: rows as ingest writes them; classes are the labels of the rows with is_class.
        features: of the same rows.
        params: sizes and encoders.
    """
    return Spec(
        classes=sorted(manifest.loc[manifest["is_class"], "label"].unique().tolist()),
        languages=sorted(manifest["language"].unique().tolist()),
        characters=features.characters,
        towers={
            "image": _image(params),
            "caption": _caption(params),
            "text": _spelling(params),
            "audio": _audio(features, params),
        },
        width=params.model.width,
        hidden=params.model.hidden,
        dropout=params.model.dropout,
        trust=params.model.trust.model_dump(),
    )


def assemble(manifest: pd.DataFrame, features: Features, spec: Spec) -> Examples:
    """Rows of the manifest with their contents, labels and languages as numbers."""
    classes = {name: i for i, name in enumerate(spec.classes)}
    languages = {name: i for i, name in enumerate(spec.languages)}
    texts, text_row = torch.unique(features.text_ids, dim=0, return_inverse=True)
    text_row = text_row.masked_fill((features.text_ids == 0).all(1), -1)
    label = [
        classes[name] if known else -1
        for name, known in zip(manifest["label"], manifest["is_class"], strict=True)
    ]
    return Examples(
        contents={
            "image": features.image,
            "caption": features.caption,
            "text": texts,
            "audio": features.audio,
        },
        place={
            "image": features.image_row,
            "caption": features.caption_row,
            "text": text_row,
            "audio": features.audio_row,
        },
        language=torch.tensor([languages[name] for name in manifest["language"]]),
        label=torch.tensor(label),
    )


def rows_of(manifest: pd.DataFrame, split: str) -> Tensor:
    """Positions of a split's rows.

    Raises:
        InputError: there are none.
    """
    rows = torch.from_numpy((manifest["split"] == split).to_numpy().nonzero()[0])
    if not len(rows):
        raise InputError(
            f"the manifest has no {split!r} rows: raise `ingest.split.{split}` in params.yaml"
        )
    return rows


def learning_data(manifest: pd.DataFrame, examples: Examples) -> Data:
    """Training and validation rows, chosen by the manifest's split.

    Raises:
        InputError: one of them is empty.
    """
    return Data(examples, rows_of(manifest, "train"), rows_of(manifest, "val"))


def _image(params: TrainParams) -> TowerSpec:
    if params.encoders.image == "resnet":
        return TowerSpec("resnet", params.model.scratch_image.model_dump())
    names = text_minilm.WIDTH if params.encoders.image_names else 0
    return TowerSpec("blocks", {"sizes": list(image_efficientnet.SIZES), "names": names})


def _caption(params: TrainParams) -> TowerSpec:
    if params.encoders.text == "chars":
        return _chars(params)
    return TowerSpec("blocks", {"sizes": list(text_minilm.SIZES), "names": 0})


def _audio(features: Features, params: TrainParams) -> TowerSpec:
    segments = params.encoders.audio_segments
    if params.encoders.audio == "whisper-tiny":
        return TowerSpec("segments", {"segments": segments, "width": features.audio.shape[2]})
    settings = params.model.scratch_audio.model_dump() | {"segments": segments}
    if params.encoders.audio == "conv":
        del settings["heads"]
    return TowerSpec(params.encoders.audio, settings)


def _spelling(params: TrainParams) -> TowerSpec:
    # As many spans as a recording has: the projections match them span by span.
    segments = params.encoders.audio_segments
    return TowerSpec("spelling", params.model.spelling.model_dump() | {"segments": segments})


def _chars(params: TrainParams) -> TowerSpec:
    return TowerSpec("chars", params.model.chars.model_dump())
