"""Who is timed computes the same circuit, with the same gradients; tables say what was measured."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import quantum_speed_peers
from benchmarks.quantum_speed import BEFORE, measure, problem, programs
from benchmarks.quantum_speed_program import Program, TookTooLong
from benchmarks.quantum_speed_tables import SPEED_TABLES, fastest, ratios

LIBRARIES = Path(quantum_speed_peers.__file__).parent
PEER = """
import sys
sys.path.append({folder!r})
import torch
import quantum_speed_peers as peers

def build(given):
    model = peers.pennylane(given, "default.qubit", "backprop")
    {change}
    return model

peers.serve(build, "0")
"""


@pytest.fixture(scope="module")
def ours() -> Iterator[Program]:
    """This project's own program, which imports for seconds."""
    found = programs({})[0]
    yield found
    assert found.close() == 0


def told(cpu: list[float], steps: int = 20) -> dict[str, Any]:
    return {"cpu": cpu, "wall": [2 * spent for spent in cpu], "steps": steps}


RESULTS: dict[str, Any] = {
    "rounds": 2,
    "cells": [
        {
            "qubits": 4,
            "batch": 32,
            "steps": {
                "ours": told([0.001, 0.002]),
                "default.qubit": told([0.010, 0.010]),
                "lightning.qubit": told([0.2, 0.15]),
                "torchquantum": told([0.006, 0.004]),
                "qiskit-machine-learning": told([31.25], steps=1),
            },
        },
        {
            "qubits": 8,
            "batch": 32,
            "steps": {
                "ours": told([0.001, 0.001]),
                "default.qubit": told([0.010, 0.012]),
                "lightning.qubit": told([0.2, 0.2]),
                "qiskit-machine-learning": {"over": 60.0, "steps": 0},
            },
        },
    ],
}


def test_the_ratio_is_to_the_fastest_in_each_round() -> None:
    first, second = RESULTS["cells"]
    assert ratios(first, "cpu") == pytest.approx([6, 2])  # 0.006 / 0.001, 0.004 / 0.002
    assert fastest(first) == "torchquantum"
    assert ratios(second, "wall") == pytest.approx([10, 12])
    assert fastest(second) == "default.qubit"


def test_tables() -> None:
    head, first, second = SPEED_TABLES["quantum_speed"](RESULTS)
    assert {len(head), len(first), len(second)} == {8}
    assert first[:6] == ["4, 32", "1.5", "10", "175", "5", "31,250 (one step)"]
    assert first[6] == "4.0x (2.0 to 6.0)"
    assert second[4:6] == ["not run", "over 60 s"]


def test_verdicts() -> None:
    steps = RESULTS["cells"][0]["steps"] | {"ours": told([0.002])}
    _, first, second = SPEED_TABLES["quantum_speed_aims"](RESULTS)
    assert (first[-1], second[-1]) == ("met", "met")
    assert first[1:4] == ["4.0x", "4.0x", "2.0x"]
    *_, missed = SPEED_TABLES["quantum_speed_aims"](
        {"cells": [RESULTS["cells"][0] | {"steps": steps}]}
    )
    assert missed[-1] == "missed"


@pytest.mark.slow
def test_pennylane_is_timed_against_the_same_circuit_here(ours: Program) -> None:
    peers = programs({})[1:]
    try:
        found = measure([ours, *peers], problem(4, 5, seed=0), rounds=2, steps=3)
    finally:
        statuses = [one.close() for one in peers]
    assert list(found) == ["ours", "default.qubit", "lightning.qubit"]
    for one in found.values():
        assert len(one["cpu"]) == len(one["wall"]) == 2
        assert min(one["cpu"]) > 0
    assert statuses == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("model.circuit.weights.data[0, 0, 1] += 0.01", f"allowed is {BEFORE}"),
        ("model.circuit.weights.register_hook(torch.neg)", "other gradients"),
        ("model.circuit.register_forward_hook(lambda *told: told[2].fliplr())", "another circuit"),
    ],
)
def test_another_circuit_is_refused(
    ours: Program, tmp_path: Path, change: str, message: str
) -> None:
    program = tmp_path / "peer.py"
    program.write_text(PEER.format(folder=str(LIBRARIES), change=change), encoding="utf-8")
    other = Program("other", [sys.executable, str(program)])
    try:
        with pytest.raises(ValueError, match=message):
            measure([ours, other], problem(4, 5, seed=0), rounds=1, steps=1)
    finally:
        other.close()


def test_a_program_that_takes_too_long_is_ended_and_starts_again() -> None:
    sleeper = Program("sleeper", [sys.executable, "-c", "import time; input(); time.sleep(60)"])
    for _ in range(2):
        with pytest.raises(TookTooLong, match="sleeper: no answer"):
            sleeper.ask("steps", limit=0.5)
    assert sleeper.close() == 0


def test_a_program_that_ends_is_an_error() -> None:
    broken = Program("broken", [sys.executable, "-c", "input(); raise SystemExit(3)"])
    with pytest.raises(RuntimeError, match="broken: its program ended with status 3"):
        broken.ask("make")


@pytest.mark.parametrize("line", [["torchquantum"], ["pip=/bin/sh"], ["torchquantum=/no/python"]])
def test_interpreters_must_be_there(
    line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks.quantum_speed import main

    monkeypatch.setattr(sys, "argv", ["quantum_speed", "--peer", *line])
    with pytest.raises(SystemExit):
        main()
    assert "such file" in (told := capsys.readouterr().err) or "allowed are" in told
