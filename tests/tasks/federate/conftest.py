"""A workspace in which a tiny model was trained, of two languages: two clients."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tasks.params import FederateParams, TrainParams, load_params, parse_params
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
def trained(trained: Workspace) -> Workspace:
    """With devices that are always there."""
    (trained.root / "devices.yaml").write_text(ALWAYS_THERE)
    return trained


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
