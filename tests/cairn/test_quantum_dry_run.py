"""`cairn quantum dry-run` counts what a device would be asked for, and asks nothing of it."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from cairn.quantum import quantum_app
from tasks.errors import InputError

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout in which nothing ran yet, for a person without credentials."""
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    monkeypatch.setenv("CAIRN_ROOT", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("IONQ_API_KEY", "PENNYLANE_IONQ_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    change(tmp_path, "head", qubits=3, layers=1, ansatz="basic", encoding="angle")
    change(tmp_path, "training", seeds=8, epochs=12, rates=[0.001, 0.003, 0.01, 0.03])
    return tmp_path


def change(root, section, **values):
    """Change a section of `quantum` in the checkout's params.yaml."""
    path = root / "params.yaml"
    whole = yaml.safe_load(path.read_text())
    whole["quantum"][section] |= values
    path.write_text(yaml.safe_dump(whole))


def told(*words):
    done = CliRunner().invoke(quantum_app, ["dry-run", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_a_fresh_checkout_prints_circuit_counts_and_what_is_missing(checkout):
    shown = told("--device", "ionq.qpu", "--shots", "1000", "--epoch-rows", "50")
    assert "\n1: ──RX──RX─" in shown
    assert "missing: pip install pennylane-ionq" in shown
    assert "missing: set IONQ_API_KEY" in shown
    assert "CNOT 3, RX 6" in shown
    # An answer is a circuit. 3 RX of features and 3 of weights, two circuits each: 1 + 12 a row.
    lines = {line.split("  ")[0].strip(): line.split() for line in shown.splitlines()}
    assert lines["100 answers"][2:4] == ["100", "100,000"]
    assert lines["one epoch of 50 rows"][5:7] == ["650", "650,000"]
    # Two heads on the device, 8 seeds and 4 learning rates, 12 epochs: 2 * 12 * 12 = 288 epochs.
    assert lines["the stage's training, 288 epochs"][5:7] == ["187,200", "187,200,000"]
    assert "Nothing was run." in shown
    assert [one.name for one in checkout.iterdir()] == ["params.yaml"]


def test_json_with_the_prices_of_params(checkout):
    change(checkout, "backend", price_per_task=0.3, price_per_shot=0.01)
    found = json.loads(told("--rows", "7", "--shots", "20", "--json"))
    assert found["device"] == "default.qubit"
    assert found["ready"]["credentials"] == "none needed"
    assert found["run"]["size"]["gates"] == {"CNOT": 3, "RX": 6}
    (work,) = found["run"]["work"]  # without data nobody knows how many rows an epoch has
    assert (work["circuits"], work["shots"]) == (7, 140)
    assert work["cost"] == pytest.approx(7 * 0.3 + 140 * 0.01)


def test_a_price_can_be_given_for_once(checkout):
    found = json.loads(told("--rows", "5", "--shots", "10", "--price-per-shot", "2", "--json"))
    assert found["run"]["work"][0]["cost"] == pytest.approx(5 * 10 * 2)


def test_an_epoch_has_the_labelled_training_rows_of_the_data(checkout):
    (checkout / "data").mkdir()
    rows = pd.DataFrame(
        {"split": ["train"] * 4 + ["test"] * 2, "is_class": [True, True, True, False, True, True]}
    )
    rows.to_parquet(checkout / "data" / "manifest.parquet")
    found = json.loads(told("--shots", "10", "--json"))
    assert found["run"]["work"][1]["what"] == "one epoch of 3 rows"
    assert found["run"]["work"][1]["circuits"] == 3 * 13


def test_credentials_are_told_by_name_only(checkout, monkeypatch):
    monkeypatch.setenv("IONQ_API_KEY", "hunter2")
    for more in ((), ("--json",)):
        shown = told("--device", "ionq.qpu", "--shots", "10", *more)
        assert "IONQ_API_KEY" in shown
        assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--device", "ionq.qup"], "did you mean ionq.qpu"),
        (["--device", "ionq.qpu"], "shots=null: device 'ionq.qpu' measures"),
        (["--device", "default.gaussian"], "it has modes of light"),
    ],
)
def test_what_cannot_be_counted(checkout, words, message):
    with pytest.raises(InputError, match=f"`quantum.backend`: .*{message}"):
        told(*words)


def test_data_that_cannot_be_read(checkout):
    (checkout / "data").mkdir()
    (checkout / "data" / "manifest.parquet").write_text("no table")
    with pytest.raises(InputError, match=r"cannot be read .*: give --epoch-rows"):
        told()
    assert "one epoch of 9 rows" in told("--epoch-rows", "9")
