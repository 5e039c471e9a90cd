"""A workspace in which a tiny model was trained, of encoders from scratch."""

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tasks.params import SearchParams
from tasks.train.fit import train_model
from tasks.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[3]

TINY = {
    "seed": 3,
    "space": {
        "image_pixels": [32],
        "caption_layers": [6],
        "caption_tokens": [30522],
        "text_layers": [0, 1],
        "audio_layers": [4],
        "hidden": [4, 16],
    },
    "bits": 8,
    "repeats": 3,
    "supernet": {
        "steps": 6,
        "batch_size": 8,
        "subnets": 1,
        "learning_rate": 1e-2,
        "weight_decay": 0.0,
        "dropout": 0.1,
        "smoothing": 0.0,
        "temperature": 2.0,
        "sharpness": 10.0,
        "vectors": 1.0,
    },
    "trials": 7,
    "sampler": "surrogate",
    "workers": 1,
    "early": {"part": 0.5, "margin": 0.3},
}


def _of_training() -> ModuleType:
    """The tiny data set that the tests of training use."""
    path = PROJECT / "tests" / "tasks" / "train" / "conftest.py"
    spec = importlib.util.spec_from_file_location("tiny_training", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def params() -> SearchParams:
    return SearchParams(**TINY)


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, migrated_database: Path
) -> Iterator[Workspace]:
    """Train once for all tests of a file."""
    root = tmp_path_factory.mktemp("searched")
    (root / "mlruns").mkdir()
    shutil.copy(PROJECT / "params.yaml", root)
    shutil.copy(migrated_database, root / "mlruns" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAIRN_ROOT", str(root))
        patch.setenv("CAIRN_KEYS", str(root.parent / "searched-keys"))
        workspace, tiny = Workspace(root), _of_training()
        training = tiny.tiny_params(workspace)
        tiny.ingest_and_validate(workspace)
        train_model.fn(training, workspace)
        yield workspace
