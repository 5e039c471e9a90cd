"""A manifest small enough to read, its bounds, and what the suites say about it."""

from pathlib import Path

import pandas as pd
import pytest

from tasks.params.ingest import IngestParams
from tasks.params.validate import ValidateParams
from tasks.validate import examine
from tasks.validate.verdict import Verdict

LABELS = ("animals", "food", "space")
LANGUAGES = ("es", "fr")
GROUPS = 6  # for each label: two in each split


def clip(number: int, label: str, group: int, language: str) -> dict[str, object]:
    item = f"{label}/{group}"
    return {
        "id": f"{item}/{language}",
        "item": item,
        "group": item,
        "language": language,
        "label": label,
        "is_class": label != "space",
        "split": ("train", "val", "test")[group % 3],
        "caption": "A cat.",
        "text": "chat",
        "image": f"{item}.png",
        "image_blake3": f"{100 * LABELS.index(label) + group:064x}",
        "image_bytes": 900,
        "image_width": 64,
        "image_height": 48,
        "audio": f"{item}_{language}.ogg",
        "audio_blake3": f"{1000 + number:064x}",
        "audio_bytes": 5000,
        "audio_seconds": 1.1,
        "audio_rate": 44100,
        "image_sharpness": 0.5,
        "image_contrast": 0.4,
        "image_size_score": 0.9,
        "audio_snr_db": 30.0,
        "audio_clipping": 0.0,
        "audio_silence": 0.2,
        "text_length": 4,
        "text_script_match": 1.0,
        "quality": 0.8,
    }


@pytest.fixture(scope="session")
def good() -> pd.DataFrame:
    """36 clips: 3 labels, 6 groups each, 2 languages each; sorted by id."""
    names = [(label, g, code) for label in LABELS for g in range(GROUPS) for code in LANGUAGES]
    rows = [clip(number, *name) for number, name in enumerate(names)]
    return pd.DataFrame(rows).sort_values("id", ignore_index=True)


@pytest.fixture(scope="session")
def bounds() -> ValidateParams:
    return ValidateParams.model_validate(
        {
            "min_rows": 30,
            "class_share": {"min": 0.1, "max": 0.6},
            "seconds": {"min": 0.1, "max": 30.0},
            "image_side": {"min": 8, "max": 4096},
            "min_quality": 0.05,
            "max_missing": 0.1,
        }
    )


@pytest.fixture(scope="session")
def known() -> IngestParams:
    return IngestParams.model_validate(
        {
            "seed": 7,
            "source": "stamps",
            "stamps": {
                "deb": None,
                "version": "1",
                "sha256": "0" * 64,
                "allow_other_version": False,
            },
            "folder": {"manifest": "data/raw/manifest.jsonl"},
            "digits": {"clips_per_class": 3},
            "labels": ["animals", "food"],
            "extra_labels": ["space"],
            "languages": list(LANGUAGES),
            "svg_pixels": 64,
            "split": {"train": 0.4, "val": 0.3, "test": 0.3},
            "max_set_aside": 0.1,
            "min_groups_per_label": 3,
        }
    )


@pytest.fixture(scope="session")
def good_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data Docs of the good manifest, once `good_verdict` has made them."""
    return tmp_path_factory.mktemp("good_site")


@pytest.fixture(scope="session")
def good_verdict(
    good: pd.DataFrame, bounds: ValidateParams, known: IngestParams, good_site: Path
) -> Verdict:
    return examine(good, "ab" * 32, bounds, known, good_site)
