"""What a manifest must satisfy, as Great Expectations suites in code.

Each expectation carries a sentence; the same sentence stands in Data Docs, in the verdict and in
the error message, so it is unique within its suite.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from tasks.params.ingest import IngestParams
from tasks.params.validate import ValidateParams
from tasks.validate import expect, frames

DIGEST = r"^[0-9a-f]{64}\Z"
_STEP = r"(?:[^./\\][^/\\]*|\.[^./\\][^/\\]*|\.\.[^/\\]+)"  # a name that is neither empty, . nor ..
INSIDE = rf"^(?:{_STEP}/)*{_STEP}\Z"
"""A path that stays inside the folder it is relative to; no look-ahead, which RE2 does not know."""
FINITE_DECIBELS = (-200.0, 200.0)
"""Far beyond any recording: refuses infinities only."""


@dataclass(frozen=True)
class Suite:
    """Expectations about one table.

    Args:
        about: name of the table, in the messages and in Data Docs.
        frame: the table.
        key: the column that names a row in messages.
        expectations: Great Expectations objects, each with a `description`.
    """

    about: str
    frame: pd.DataFrame
    key: str
    expectations: list[Any]


def schema(manifest: pd.DataFrame) -> Suite:
    """The manifest has the columns that later stages read, with their types, and no others."""
    types = [
        expect.stored_as(name, types)
        for name, types in frames.COLUMNS.items()
        if name in manifest.columns
    ]
    names = expect.columns(list(frames.COLUMNS), "the columns are those of a manifest")
    return Suite("columns", manifest, "id", [names, *types])


def contents(manifest: pd.DataFrame, params: ValidateParams, known: IngestParams) -> list[Suite]:
    """All rules about the rows of a manifest that has passed `schema`.

    Args:
        manifest: one row per clip.
        params: the bounds.
        known: names the languages and labels that may occur.
    """
    clips = [
        *_identity(params, known),
        *_media(),
        *_image(params),
        *_audio(params),
        *_text(),
        *_quality(params),
        *_completeness(params),
    ]
    return [
        Suite("clips", frames.clips(manifest), "id", clips),
        *_leakage(manifest),
        Suite("classes", frames.classes(manifest), "label", _balance(params, known)),
    ]


def _identity(params: ValidateParams, known: IngestParams) -> list[Any]:
    every = [*known.labels, *known.extra_labels]
    is_class = expect.label_in(known.labels, known=True)
    is_extra = expect.label_in(known.labels, known=False)
    return [
        expect.rows(params.min_rows, f"there are at least {params.min_rows} rows"),
        *map(expect.present, ("id", "item", "group", "language", "label", "split")),
        expect.unique("id"),
        expect.one_of("split", frames.SPLITS, "split is train, val or test"),
        expect.one_of("language", known.languages, "language is one of ingest.languages"),
        expect.one_of("label", every, "label is one of ingest.labels or ingest.extra_labels"),
        expect.one_of("is_class", [True], "is_class is true for each of ingest.labels", is_class),
        expect.one_of("is_class", [False], "is_class is false for any other label", is_extra),
    ]


def _media() -> list[Any]:
    return [
        expectation
        for kind in frames.MEDIA
        for expectation in (
            expect.matches(kind, INSIDE, f"{kind} is a path inside data/media"),
            expect.present(f"{kind}_blake3", where=kind),
            expect.matches(f"{kind}_blake3", DIGEST, f"{kind}_blake3 is 64 hexadecimal digits"),
            *expect.measured(f"{kind}_bytes", kind, 1),
        )
    ]


def _image(params: ValidateParams) -> list[Any]:
    side = params.image_side
    return [
        *expect.measured("image_width", "image", side.min, side.max),
        *expect.measured("image_height", "image", side.min, side.max),
        *expect.measured("image_sharpness", "image", 0.0),
        *expect.measured("image_contrast", "image", 0.0),
        *expect.measured("image_size_score", "image", 0.0, 1.0),
    ]


def _audio(params: ValidateParams) -> list[Any]:
    seconds = params.seconds
    return [
        *expect.measured("audio_seconds", "audio", seconds.min, seconds.max),
        *expect.measured("audio_rate", "audio", 1),
        *expect.measured("audio_snr_db", "audio", *FINITE_DECIBELS),
        *expect.measured("audio_clipping", "audio", 0.0, 1.0),
        *expect.measured("audio_silence", "audio", 0.0, 1.0),
    ]


def _text() -> list[Any]:
    return [
        expect.matches("caption", r"\S", "caption is not blank where there is one"),
        expect.matches("text", r"\S", "text is not blank where there is one"),
        *expect.measured("text_length", "text", 1),
        *expect.measured("text_script_match", "text", 0.0, 1.0),
    ]


def _quality(params: ValidateParams) -> list[Any]:
    # Bounds alone would let NaN pass: Great Expectations skips missing values.
    return [expect.present("quality"), expect.between("quality", params.min_quality, 1.0)]


def _completeness(params: ValidateParams) -> list[Any]:
    share = 1.0 - params.max_missing
    return [
        expect.between(
            "modalities", 1, len(frames.MODALITIES), "each row has image, sound or text"
        ),
        *(
            expect.filled(name, share, f"{name} is given in at least {share:.2%} of the rows")
            for name in frames.MODALITIES
        ),
    ]


def _leakage(manifest: pd.DataFrame) -> list[Suite]:
    """What is learnt on one side of the split must not be asked on the other."""
    group = expect.between("splits", 1, 1, "each group is in one split")
    item = expect.between("groups", 1, 1, "each item is in one group")
    medium = expect.between("splits", 1, 1, "each picture or sound, by its bytes, is in one split")
    return [
        Suite("groups", frames.groups(manifest), "group", [group]),
        Suite("items", frames.items(manifest), "item", [item]),
        Suite("media", frames.contents(manifest), "example", [medium]),
    ]


def _balance(params: ValidateParams, known: IngestParams) -> list[Any]:
    low, high = params.class_share.min, params.class_share.max
    return [
        expect.exactly("label", known.labels, "each of ingest.labels has rows, and no other"),
        expect.between(
            "share", low, high, f"each class holds a share between {low:.2%} and {high:.2%}"
        ),
        *(
            expect.between(split, 1, None, f"each class has rows in {split}")
            for split in frames.SPLITS
        ),
    ]
