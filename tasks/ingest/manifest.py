"""The manifest: one row per clip, sorted by id, the same bytes for the same data."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.quality import overall, text_quality
from tasks.ingest.examine import ImageFacts, SoundFacts
from tasks.ingest.look import Looked
from tasks.ingest.source import Row

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "id": "string",
    "item": "string",
    "group": "string",
    "language": "string",
    "label": "string",
    "is_class": "bool",
    "split": "string",
    "caption": "string",
    "text": "string",
    "image": "string",
    "image_blake3": "string",
    "image_bytes": "int64",
    "image_width": "int64",
    "image_height": "int64",
    "audio": "string",
    "audio_blake3": "string",
    "audio_bytes": "int64",
    "audio_seconds": "double",
    "audio_rate": "int64",
    "image_sharpness": "double",
    "image_contrast": "double",
    "image_size_score": "double",
    "audio_snr_db": "double",
    "audio_clipping": "double",
    "audio_silence": "double",
    "text_length": "int64",
    "text_script_match": "double",
    "quality": "double",
}
"""Arrow type by column; docs/data.md says what each holds. Null where the modality is absent."""


def records(
    looked: Looked, sides: Mapping[str, str], classes: Collection[str]
) -> list[dict[str, Any]]:
    """The rows of the manifest.

    Args:
        looked: the good rows and what is known of their files.
        sides: side of the split by group.
        classes: labels that are classes.
    """
    rows = sorted(looked.rows, key=lambda row: row.id)
    return [_record(row, looked, sides[row.group], row.label in classes) for row in rows]


def write(rows: list[dict[str, Any]], path: Path) -> None:
    """Write Parquet without pandas' own metadata, which name the version of pandas."""
    import pyarrow as pa  # heavy: only when there is something to write
    import pyarrow.parquet as pq

    kinds = {"string": pa.string(), "bool": pa.bool_(), "int64": pa.int64(), "double": pa.float64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")


def frame(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    """The same as a data frame."""
    import pandas as pd  # heavy: only when it is wanted

    return pd.DataFrame.from_records(rows, columns=list(COLUMNS))


def published_path(path: str) -> str:
    """Where a source's file lies below data/media: drawings are kept as PNG."""
    return f"{path}.png" if path.endswith(".svg") else path


def _record(row: Row, looked: Looked, side: str, is_class: bool) -> dict[str, Any]:
    image = looked.images[row.image] if row.image else None
    sound = looked.sounds[row.audio] if row.audio else None
    text = text_quality(row.text, row.language) if row.text else None
    scores = [found.score for found in (image, sound, text) if found is not None]
    return {
        "id": row.id,
        "item": row.item,
        "group": row.group,
        "language": row.language,
        "label": row.label,
        "is_class": is_class,
        "split": side,
        "caption": row.caption,
        "text": row.text,
        "image": published_path(row.image) if row.image else None,
        "audio": row.audio,
        **_image_cells(image),
        **_sound_cells(sound),
        "text_length": text.length if text else None,
        "text_script_match": text.script_match if text else None,
        "quality": overall(scores),
    }


def _image_cells(facts: ImageFacts | None) -> dict[str, Any]:
    if facts is None:
        return {}
    return {
        "image_blake3": facts.blake3,
        "image_bytes": facts.bytes,
        "image_width": facts.width,
        "image_height": facts.height,
        "image_sharpness": facts.sharpness,
        "image_contrast": facts.contrast,
        "image_size_score": facts.size_score,
    }


def _sound_cells(facts: SoundFacts | None) -> dict[str, Any]:
    if facts is None:
        return {}
    return {
        "audio_blake3": facts.blake3,
        "audio_bytes": facts.bytes,
        "audio_seconds": facts.seconds,
        "audio_rate": facts.rate,
        "audio_snr_db": facts.snr_db,
        "audio_clipping": facts.clipping,
        "audio_silence": facts.silence,
    }
