"""A small model with untrained encoders, released by hand, and things to ask it about."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from safetensors.torch import save_file

from models.multimodal import build
from models.spec import Spec, TowerSpec
from provenance import Artifact, Log
from provenance.keys import KeyStore
from provenance.releases import CONFIG, WEIGHTS, Release
from provenance.statements import write_statements
from services.describe import Question

ENCODERS: dict[str, Any] = {
    "image": "resnet",
    "image_pixels": 32,
    "image_names": False,
    "text": "chars",
    "text_characters": 16,
    "audio": "conv",
    "front_end": "log-mel",
    "audio_seconds": 2.0,
    "audio_segments": 2,
}
SPELLING = TowerSpec(
    "spelling", {"width": 8, "layers": 1, "kernel": 3, "dropout": 0.0, "segments": 2}
)
CHARS = TowerSpec("chars", {"embedding": 4, "channels": 4, "kernels": [1, 2], "width": 8})
SPEC = Spec(
    classes=["animals", "food", "plants"],
    languages=["be", "fr"],
    characters=" abcdefgrw",
    towers={
        "image": TowerSpec("resnet", {"channels": [4, 8], "depths": [1, 1]}),
        "caption": CHARS,
        "text": SPELLING,
        "audio": TowerSpec(
            "conv", {"width": 8, "layers": 1, "kernel": 3, "dropout": 0.0, "segments": 2}
        ),
    },
    width=8,
    hidden=8,
    dropout=0.1,
    trust={"image": 1.0, "caption": 1.0, "text": 1.0, "audio": 1.0},
)


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 12), "red").save(file, "PNG")
    return file.getvalue()


def sound() -> bytes:
    file = io.BytesIO()
    time = np.arange(8_000) / 16_000
    soundfile.write(file, 0.5 * np.sin(2 * np.pi * 440 * time), 16_000, format="WAV")
    return file.getvalue()


@pytest.fixture(scope="session")
def everything() -> Question:
    return Question(image=picture(), caption="a red cab", text="bread", audio=sound())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Weights and config in a workspace's folder, as a version of a registered model has them."""
    place = tmp_path / "workspace" / "models" / "artifacts"
    place.mkdir(parents=True)
    save_file(build(SPEC, seed=7).state_dict(), place / WEIGHTS)
    config = {"model": SPEC.plain(), "encoders": ENCODERS, "weights": {}}
    (place / CONFIG).write_text(json.dumps(config))
    return place


@pytest.fixture
def digests(folder: Path) -> dict[str, str]:
    return {name: Artifact.of(folder / name).digest for name in (WEIGHTS, CONFIG)}


@pytest.fixture
def released(folder: Path, tmp_path: Path) -> tuple[Log, Path]:
    """A log that names the model champion, its statements beside it, and the workspace's root."""
    root = tmp_path / "workspace"
    log = Log.open(root / ".provenance", keys=tmp_path / "keys")
    release_by_hand(log, root, folder.parent, "tiny")
    return log, root


def release_by_hand(log: Log, root: Path, version: Path, name: str) -> None:
    """Log and sign the release of what lies in a version's folder."""
    (version / "MLmodel").write_text("flavors: {}\n")
    files = []
    for path in (
        version / "MLmodel",
        version / "artifacts" / WEIGHTS,
        version / "artifacts" / CONFIG,
    ):
        made = Artifact.of(path)
        place = made.path.relative_to(root).as_posix()
        files.append({"path": place, "blake3": made.digest, "size": made.size})
    run = {"mlflow": "run", "git": "absent", "dirty": False}
    log.append(
        {"kind": "run", "id": "run", "stage": "release", "run": run, "params": {}, "env": {}}
    )
    release = Release(name, "1", True, "first", "0" * 64, tuple(files))
    entry = log.append({**release.body(), "id": "release-1", "run": {"mlflow": "run"}})
    write_statements(version, entry, log, KeyStore(log.keys))
