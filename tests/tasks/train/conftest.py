"""A workspace that has passed validation: 24 stamps, 3 classes, 2 languages, encoders from scratch.

Pictures are coloured squares, recordings are tones: the class decides colour and pitch.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from blake3 import blake3
from PIL import Image

from tasks.params import TrainParams, parse_params
from tasks.params.base import Section
from tasks.tracked import tracked_run
from tasks.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[3]
CLASSES = ["animals", "food", "town"]
LANGUAGES = ["bg", "ca"]
STAMPS = 24
RATE = 16_000


class Nothing(Section):
    pass


TINY = {
    "threads": 1,
    "epochs": 3,
    "patience": 3,
    "batch_size": 8,
    "learning_rate": 1e-2,
    "resamples": 100,
    "encoders": {
        "image": "resnet",
        "image_pixels": 32,
        "image_names": False,
        "text": "chars",
        "text_characters": 16,
        "audio": "conv",
        "front_end": "log-mel",
        "audio_seconds": 0.5,
        "audio_segments": 2,
    },
    "model": {
        "width": 8,
        "hidden": 16,
        "dropout": 0.1,
        "trust": {"image": 1.0, "caption": 1.0, "text": 1.0, "audio": 1.0},
        "spelling": {"width": 8, "layers": 1, "kernel": 3, "dropout": 0.1},
        "chars": {"embedding": 4, "channels": 4, "kernels": [1, 2], "width": 8},
        "scratch_audio": {"width": 8, "layers": 1, "heads": 2, "kernel": 3, "dropout": 0.1},
        "scratch_image": {"channels": [4, 8], "depths": [1, 1]},
    },
}


def tiny_params(workspace: Workspace) -> TrainParams:
    """The project's settings with tiny sizes, written to the workspace's params.yaml too."""
    values = yaml.safe_load(workspace.params_file.read_text(encoding="utf-8"))
    values["train"] |= TINY
    text = yaml.safe_dump(values)
    workspace.params_file.write_text(text, encoding="utf-8")
    return parse_params(text).train


def tiny_manifest(media: Path) -> pd.DataFrame:
    """Write the media and describe them as ingest does."""
    media.mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for stamp in range(STAMPS):
        kind = stamp % 3
        name = f"stamp{stamp:02d}"
        colour = np.zeros((40, 40, 3), dtype=np.uint8)
        colour[..., kind] = 200 + stamp
        Image.fromarray(colour).save(media / f"{name}.png")
        for index, language in enumerate(LANGUAGES):
            time = np.arange(RATE // 4) / RATE
            tone = np.sin(2 * np.pi * (300 + 300 * kind + 10 * stamp) * time)
            sound = media / f"{name}_{language}.wav"
            soundfile.write(sound, 0.5 * tone + 0.01 * rng.standard_normal(len(time)), RATE)
            rows.append(
                {
                    "id": f"{name}_{language}",
                    "item": name,
                    "group": name,
                    "language": language,
                    "label": CLASSES[kind],
                    "is_class": stamp != 5,  # one stamp serves alignment only
                    "split": ("train", "train", "val", "test")[stamp // 3 % 4],
                    "caption": f"{CLASSES[kind]} {stamp}",
                    "text": f"{'абв'[kind] if index == 0 else 'abc'[kind]} {stamp}",
                    "image": f"{name}.png",
                    "image_blake3": blake3((media / f"{name}.png").read_bytes()).hexdigest(),
                    "audio": sound.name,
                    "audio_blake3": blake3(sound.read_bytes()).hexdigest(),
                }
            )
    return pd.DataFrame(rows).sort_values("id").reset_index(drop=True)


def ingest_and_validate(workspace: Workspace) -> None:
    """Outputs of ingest and validate, in the log."""
    manifest = tiny_manifest(workspace.data / "draft")
    with tracked_run("ingest", Nothing(), workspace=workspace) as run:
        run.publish(workspace.media, (workspace.data / "draft").rename)
        run.publish(workspace.manifest, lambda path: manifest.to_parquet(path, index=False))
    verdict = workspace.stage("validate") / "verdict.json"
    with tracked_run("validate", Nothing(), workspace=workspace) as run:
        run.publish(verdict, lambda path: path.write_text(json.dumps({"passed": True})) and None)


@pytest.fixture
def params(workspace: Workspace) -> TrainParams:
    return tiny_params(workspace)


@pytest.fixture
def validated(workspace: Workspace) -> Workspace:
    ingest_and_validate(workspace)
    return workspace
