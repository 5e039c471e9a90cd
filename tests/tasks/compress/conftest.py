"""A workspace in which a tiny model was trained and searched, and tiny recipes."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tasks.params import parse_params
from tasks.params.types import Params
from tasks.search.task import search_architectures
from tasks.train.fit import train_model
from tasks.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[3]
VIEWS = ["image", "caption", "text", "audio"]

EXPORT = {"technique": "onnx", "views": VIEWS}
INT8 = {"technique": "ort_dynamic_int8", "views": VIEWS, "embedding_bits": 8}
SPARSE = {
    "technique": "magnitude",
    "views": VIEWS,
    "sparsity": 0.99,
    "scope": "global",
}
LEVELS: dict[str, Any] = {
    "light": {"max_drop": 1.0, "steps": [EXPORT, INT8]},
    "medium": {
        "max_drop": 0.0,  # nothing may be lost: emptying the model is rolled back
        "steps": [{"technique": "first_of", "options": [SPARSE, {**SPARSE, "sparsity": 0.01}]}],
    },
    "aggressive": {
        "max_drop": 1.0,
        "steps": [{"technique": "architecture", "max_loss": 1.0}, EXPORT, INT8],
    },
    "extreme": {
        "max_drop": 1.0,
        "steps": [
            {
                "technique": "together",
                "steps": [
                    {"technique": "student", "pixels": 16, "width": 8, "hidden": 4},
                    {
                        "technique": "distil",
                        "views": VIEWS,
                        "train": "all",
                        "augment": 8,
                        "epochs": 1,
                        "learning_rate": 1e-3,
                    },
                ],
            },
            EXPORT,
            {"technique": "zstd", "views": VIEWS},
        ],
    },
}


def budget(level: str, **changes: Any) -> dict[str, Any]:
    """A member that anything keeps to, but for the changes."""
    return {
        "level": level,
        "alias": level,
        "megabytes": None,
        "latency_ms": None,
        "memory_mb": None,
        "max_drop": 1.0,
        "required": False,
        **changes,
    }


def _of(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.replace("/", "_"), PROJECT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def params(workspace: Workspace) -> Params:
    """Settings with tiny sizes, in the workspace's params.yaml too."""
    training = _of("tests/tasks/train/conftest.py")
    training.tiny_params(workspace)
    values = yaml.safe_load(workspace.params_file.read_text(encoding="utf-8"))
    values["search"] |= _of("tests/tasks/search/conftest.py").TINY
    values["compress"] |= {
        "calibration": 4,
        "batch_size": 4,
        "repeats": 5,
        "levels": LEVELS,
        "family": {
            "server": budget("light", required=True),
            "laptop": budget("aggressive"),
            "phone": budget("aggressive", megabytes=0.001),
            "microcontroller": budget("extreme"),
        },
    }
    text = yaml.safe_dump(values)
    workspace.params_file.write_text(text, encoding="utf-8")
    return parse_params(text)


@pytest.fixture
def searched(workspace: Workspace, params: Params) -> Workspace:
    """The workspace after validation, training and search."""
    _of("tests/tasks/train/conftest.py").ingest_and_validate(workspace)
    train_model.fn(params.train, workspace)
    search_architectures.fn(params.search, workspace)
    return workspace
