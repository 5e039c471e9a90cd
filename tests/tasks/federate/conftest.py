"""A workspace in which a tiny model was trained, of two languages: two clients."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tasks.params import FederateParams, TrainParams, load_params, parse_params
from tasks.train.fit import train_model
from tasks.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[3]

ALWAYS_THERE = """
bench:
  share: 1.0
  examples_per_second: [10.0, 20.0]
  memory_mb: [4000.0, 4000.0]
  up_mbps: [8.0, 8.0]
  down_mbps: [8.0, 16.0]
  availability: [1.0, 1.0]
  dropout: [0.0, 0.0]
"""


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
    root = tmp_path_factory.mktemp("federated")
    (root / "mlruns").mkdir()
    shutil.copy(PROJECT / "params.yaml", root)
    (root / "devices.yaml").write_text(ALWAYS_THERE)
    shutil.copy(migrated_database, root / "mlruns" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAIRN_ROOT", str(root))
        patch.setenv("CAIRN_KEYS", str(root.parent / "federated-keys"))
        workspace = Workspace(root)
        training = tiny.tiny_params(workspace)
        tiny.ingest_and_validate(workspace)
        train_model.fn(training, workspace)
        yield workspace


@pytest.fixture
def train(trained: Workspace) -> TrainParams:
    return load_params(trained.params_file).train


@pytest.fixture
def params() -> FederateParams:
    return _changed(rounds=3, audit=False)


@pytest.fixture
def changed() -> Callable[..., FederateParams]:
    """The project's section with some values replaced; nested ones by dictionaries."""
    return _changed


def _changed(**values: object) -> FederateParams:
    whole = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    section = whole["federate"]
    section["local"] |= {"batch_size": 8, "learning_rate": 1e-2}
    for name, value in values.items():
        section[name] = section[name] | value if isinstance(value, dict) else value
    return parse_params(yaml.safe_dump(whole)).federate
