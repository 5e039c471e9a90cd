"""Answers of a made-up model to six clips of four items, and the media of these clips."""

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from models.batches import SUBSETS
from tasks.train.evaluate import subset_name

CLASSES = ("animals", "food", "town")

# id, item, language, true class, probabilities of CLASSES with everything present
CLIPS = (
    ("cat/el", "cat", "el", "animals", (0.8, 0.1, 0.1)),
    ("cat/fr", "cat", "fr", "animals", (0.1, 0.6, 0.3)),
    ("egg/el", "egg", "el", "food", (0.7, 0.2, 0.1)),
    ("egg/fr", "egg", "fr", "food", (0.9, 0.06, 0.04)),
    ("house/fr", "house", "fr", "town", (0.05, 0.0, 0.95)),
    ("inn/fr", "inn", "fr", "town", (0.15, 0.7, 0.15)),
)
TEXTS = {"cat": "chat", "egg": "œuf", "house": "maison", "inn": None}


def predictions_row(clip):
    name, item, language, label, probability = clip
    answer = CLASSES[int(np.argmax(probability))]
    row = {"id": name, "item": item, "group": item, "language": language, "label": label}
    row |= {"predicted": answer, "confidence": max(probability)}
    for subset in map(subset_name, SUBSETS):
        row[f"predicted:{subset}"] = answer
        for one, share in zip(CLASSES, probability, strict=True):
            row[f"probability:{subset}:{one}"] = share
    return row


@pytest.fixture
def predictions() -> pd.DataFrame:
    return pd.DataFrame([predictions_row(clip) for clip in CLIPS])


@pytest.fixture
def manifest() -> pd.DataFrame:
    """`inn/fr` has sound only, `egg` has a caption that HTML must escape."""
    rows = []
    for name, item, _, _, _ in CLIPS:
        bare = item == "inn"
        rows.append(
            {
                "id": name,
                "caption": None if bare else f'A <b>"{item}"</b>',
                "text": TEXTS[item],
                "image": None if bare else f"{item}.png",
                "audio": f"{name.replace('/', '_')}.ogg",
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture
def media(tmp_path, manifest):
    """A folder with a real picture or sound for each path of the manifest."""
    folder = tmp_path / "media"
    folder.mkdir()
    for place, name in enumerate(manifest["image"].dropna().unique()):
        Image.new("RGBA", (640, 480), (40 * place, 90, 160, 128)).save(folder / name)
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(1600) / 16000)
    for name in manifest["audio"]:
        soundfile.write(folder / name, tone, 16000)
    return folder
