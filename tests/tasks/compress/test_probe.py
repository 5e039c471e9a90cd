"""Probes are run as programs; what they say is put together, and their failures are told."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.compress import probe
from tasks.compress.probe import Measured, ProbeError, measure
from tests.services.deployed.conftest import contents, write

SETTINGS: dict[str, Any] = {"cores": 2, "repeats": 6, "seconds": 2.0, "inputs": None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("deployable"), contents())


def test_the_light_variant_is_one_question_on_one_thread(folder: Path) -> None:
    found = measure(folder, backend="onnx", quick=True, rounds=1, **SETTINGS)
    assert [(one.batch, one.threads) for one in found.latency] == [(1, 1)]
    only = found.at(batch=1, threads=1)
    assert 0 < only.p50_ms <= only.p99_ms
    assert only.throughput_per_s > 0
    assert sorted(found.view_ms) == ["audio", "caption", "image", "text"]
    assert 0 < found.rss_over_bare_bytes < found.rss_bytes
    assert found.cold_start_s > 0
    with pytest.raises(KeyError, match="batch 32 on 1 threads was not measured"):
        found.at(batch=32, threads=1)
    assert Measured.of(json.loads(json.dumps(found.plain()))) == found


def test_the_full_variant_has_all_four(folder: Path) -> None:
    found = measure(folder, backend="onnx", quick=False, rounds=1, **SETTINGS)
    pairs = [(one.batch, one.threads) for one in found.latency]
    assert pairs == [(1, 1), (32, 1), (1, 2), (32, 2)]


def test_one_core_is_not_measured_twice(folder: Path) -> None:
    asked = {**SETTINGS, "cores": 1}
    found = measure(folder, backend="onnx", quick=False, rounds=1, **asked)
    assert [(one.batch, one.threads) for one in found.latency] == [(1, 1), (32, 1)]


def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Stands in the place of the probe's program."""
    (tmp_path / "stand_in.py").write_text(code)
    monkeypatch.setattr(probe, "CODE", tmp_path)
    monkeypatch.setattr(probe, "PROGRAMS", {"onnx": "stand_in"})


TOLD = """
import json, os, pathlib
counter = pathlib.Path("count")
number = int(counter.read_text()) if counter.exists() else 0
counter.write_text(str(number + 1))
value = [7.0, 100.0, 8.0][number]
clock = {name: value for name in ("p50_ms", "p99_ms", "cpu_p50_ms", "cpu_p99_ms")}
print("a line of a library")
print(json.dumps({"batch": 1, "threads": 1, "whole": clock, "views": {"text": clock},
    "rss_bytes": value, "rss_over_bare_bytes": value, "cold_start_s": value,
    "cold_start_cpu_s": value, "throughput_per_s": value, "fallbacks": {}}))
"""


def test_one_disturbed_process_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, monkeypatch, TOLD)
    found = measure(tmp_path, backend="onnx", quick=True, rounds=3, **SETTINGS)
    assert (tmp_path / "count").read_text() == "3"
    # The median of 7, 100 and 8.
    assert {found.rss_bytes, found.cold_start_s, found.view_ms["text"]} == {8}
    assert {found.latency[0].p50_ms, found.latency[0].cpu_p99_ms} == {8.0}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; sys.exit(3)", r"stand_in .*exit code 3: nothing on stderr"),
        (
            "import sys; print(*range(99), sep='\\n', file=sys.stderr); raise KeyError('gone')",
            r"(?s)exit code 1: (?!.*\b90\b).*KeyError: 'gone'",
        ),
        ("print('hello')", r"printed 'hello\\n', not figures"),
        ("", "printed '', not figures"),
        ("import time; time.sleep(60)", r"no answer after 0\.5 s; give it longer"),
    ],
    ids=["silent", "traceback", "chatter", "nothing", "hangs"],
)
def test_a_probe_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    program(tmp_path, monkeypatch, code)
    timeout = 0.5 if "sleep" in code else 30.0
    with pytest.raises(ProbeError, match=message):
        measure(tmp_path, backend="onnx", quick=True, rounds=1, timeout=timeout, **SETTINGS)


def test_a_folder_that_is_none_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match=r"exit code 2: .*card\.json: No such file"):
        measure(tmp_path, backend="onnx", quick=True, rounds=1, **SETTINGS)


def test_an_unknown_backend_is_refused(tmp_path: Path) -> None:
    allowed = "allowed are torch, student, onnx, openvino"
    with pytest.raises(ProbeError, match=f"backend='tflite': {allowed}"):
        measure(tmp_path, backend="tflite", quick=True, rounds=1, **SETTINGS)


def test_the_programs_are_there() -> None:
    for module in probe.PROGRAMS.values():
        assert (probe.CODE / (module.replace(".", "/") + ".py")).is_file()
    assert Path(sys.modules["tasks.compress.probe"].__file__ or "").is_relative_to(probe.CODE)
