"""A workspace in which a tiny model was trained, and settings of a tiny contest."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tasks.params import QuantumParams, parse_params
from tasks.train.fit import train_model
from tasks.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, migrated_database: Path
) -> Iterator[Workspace]:
    """Train once for all tests of a file."""
    path = PROJECT / "tests" / "tasks" / "train" / "conftest.py"
    spec = importlib.util.spec_from_file_location("tiny_training", path)
    assert spec is not None
    assert spec.loader is not None
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    root = tmp_path_factory.mktemp("quantum")
    (root / "mlruns").mkdir()
    shutil.copy(PROJECT / "params.yaml", root)
    shutil.copy(migrated_database, root / "mlruns" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAIRN_ROOT", str(root))
        patch.setenv("CAIRN_KEYS", str(root.parent / "quantum-keys"))
        workspace = Workspace(root)
        training = tiny.tiny_params(workspace)
        tiny.ingest_and_validate(workspace)
        train_model.fn(training, workspace)
        yield workspace


@pytest.fixture
def params() -> QuantumParams:
    return _changed()


@pytest.fixture
def changed() -> Callable[..., QuantumParams]:
    """The tiny settings with some values replaced; nested ones by dictionaries."""
    return _changed


def _changed(**values: object) -> QuantumParams:
    whole = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    section = whole["quantum"]
    section["components"] = 6
    section["head"] |= {"qubits": 3, "layers": 1}
    section["training"] |= {"seeds": 2, "epochs": 2, "batch_size": 8, "rates": [0.01]}
    section["verdict"] |= {"resamples": 100}
    section["trainability"] |= {"qubits": [2, 3], "samples": 10}
    section["robustness"] |= {
        "rows": 6,
        "shots": [10, 100],
        "repeats": 2,
        "noise_rows": 4,
        "depolarising": [0.01, 0.75],
    }
    for name, value in values.items():
        section[name] = section[name] | value if isinstance(value, dict) else value
    return parse_params(yaml.safe_dump(whole)).quantum
