"""Settings of a tiny contest."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tasks.params import QuantumParams, parse_params

PROJECT = Path(__file__).resolve().parents[3]


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
