"""The tables that expectations look at: the manifest itself, and what follows from it.

A rule about whole groups or classes cannot be asked of single rows, so each such rule gets a small
table with one row per group or class; it then shows in Data Docs with the offending names.
"""

import pandas as pd

SPLITS = ("train", "val", "test")
MEDIA = ("image", "audio")
MODALITIES = (*MEDIA, "text")

TEXT, WHOLE, REAL, FLAG = ["str"], ["int64"], ["float64"], ["bool"]
# A column of whole numbers comes back from Parquet as float64 once a value is missing.
WHOLE_OR_MISSING = ["int64", "float64"]

COLUMNS: dict[str, list[str]] = {
    "id": TEXT,
    "item": TEXT,
    "group": TEXT,
    "language": TEXT,
    "label": TEXT,
    "is_class": FLAG,
    "split": TEXT,
    "caption": TEXT,
    "text": TEXT,
    "image": TEXT,
    "image_blake3": TEXT,
    "image_bytes": WHOLE_OR_MISSING,
    "image_width": WHOLE_OR_MISSING,
    "image_height": WHOLE_OR_MISSING,
    "audio": TEXT,
    "audio_blake3": TEXT,
    "audio_bytes": WHOLE_OR_MISSING,
    "audio_seconds": REAL,
    "audio_rate": WHOLE_OR_MISSING,
    "image_sharpness": REAL,
    "image_contrast": REAL,
    "image_size_score": REAL,
    "audio_snr_db": REAL,
    "audio_clipping": REAL,
    "audio_silence": REAL,
    "text_length": WHOLE_OR_MISSING,
    "text_script_match": REAL,
    "quality": REAL,
}
"""Every column of the manifest with the pandas types it may have."""


def clips(manifest: pd.DataFrame) -> pd.DataFrame:
    """One row per clip: the manifest and `modalities`, how many of image, sound and text it has."""
    present = manifest[list(MODALITIES)].notna().sum(axis=1)
    return manifest.assign(modalities=present)


def groups(manifest: pd.DataFrame) -> pd.DataFrame:
    """One row per group: `group` and `splits`, the number of splits it is found in."""
    return _count_splits(manifest, "group")


def items(manifest: pd.DataFrame) -> pd.DataFrame:
    """One row per item: `item` and `groups`, the number of groups its clips are in."""
    return manifest.groupby("item")["group"].nunique().rename("groups").reset_index()


def contents(manifest: pd.DataFrame) -> pd.DataFrame:
    """One row per distinct picture or sound: `blake3`, `example` (a path) and `splits` it is in."""
    tables = [
        manifest[[f"{kind}_blake3", kind, "split"]].set_axis(["blake3", "example", "split"], axis=1)
        for kind in MEDIA
    ]
    files = pd.concat(tables).dropna(subset="blake3")
    examples = files.groupby("blake3")["example"].min().reset_index()
    return examples.merge(_count_splits(files, "blake3"), on="blake3")


def classes(manifest: pd.DataFrame) -> pd.DataFrame:
    """One row per class: `label`, its `share` of the class rows, and its row count per split."""
    rows = manifest[manifest["is_class"]]
    counts = pd.crosstab(rows["label"], rows["split"]).reindex(columns=list(SPLITS), fill_value=0)
    share = counts.sum(axis=1) / max(len(rows), 1)
    return counts.assign(share=share).rename_axis(columns=None).reset_index()


def _count_splits(frame: pd.DataFrame, by: str) -> pd.DataFrame:
    return frame.groupby(by)["split"].nunique().rename("splits").reset_index()
