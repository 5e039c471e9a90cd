"""What the probes measure is what they say, in a process of its own."""

import io
import json
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from services import probe_teacher
from services.deployed import probe
from services.timing import FEWEST, Clock, measure, percentile, sample_question
from tests.conftest import PROJECT
from tests.services.conftest import SPEC


def line(*arguments: object, module: str = "services.deployed.probe") -> dict[str, object]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    found = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=120
    )
    told: dict[str, object] = json.loads(found.stdout)
    return told


def check(told: dict[str, object], *, batch: int, passes: int) -> None:
    assert (told["batch"], told["passes"], told["threads"]) == (batch, passes, 1)
    for clock in (told["whole"], *told["views"].values()):
        assert 0 < clock["p50_ms"] <= clock["p99_ms"]
        assert 0 <= clock["cpu_p50_ms"] <= clock["cpu_p99_ms"]
    # All views are asked within the whole.
    assert told["whole"]["p99_ms"] >= max(view["p50_ms"] for view in told["views"].values())
    assert list(told["views"]) == sorted(SPEC.towers)
    assert 0 < told["bare_rss_bytes"] < told["first_rss_bytes"]
    assert told["rss_over_bare_bytes"] == told["rss_bytes"] - told["bare_rss_bytes"]
    assert told["cold_start_s"] > 0
    assert told["cold_start_cpu_s"] > 0


@pytest.mark.parametrize(("backend", "batch"), [("onnx", 1), ("openvino", 4)])
def test_a_folder_is_measured(deployable: Path, backend: str, batch: int) -> None:
    given = ["--backend", backend, "--threads", 1, "--batch", batch, "--repeats", 7]
    told = line(deployable, *given)
    assert told["backend"] == backend
    check(told, batch=batch, passes=7)


@pytest.mark.slow
def test_torch_weighs_more(deployable: Path, folder: Path) -> None:
    given = ["--threads", 1, "--batch", 2, "--repeats", 6]
    teacher = line(folder, *given, module="services.probe_teacher")
    check(teacher, batch=2, passes=6)
    assert teacher["backend"] == "torch"
    # Importing torch alone maps more than a hundred megabytes.
    assert teacher["rss_bytes"] > line(deployable, *given)["rss_bytes"] + 5e7


@pytest.mark.parametrize("module", [probe, probe_teacher])
def test_a_folder_that_is_none_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], module: object
) -> None:
    given = [str(tmp_path), "--threads", "1", "--batch", "1", "--repeats", "1"]
    assert module.main(given) == 2  # type: ignore[attr-defined]
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_inputs_come_from_a_file_where_it_has_them(tmp_path: Path) -> None:
    path = tmp_path / "inputs.npz"
    np.savez(path, **{"text.letters": np.array([[1, 2], [3, 4], [5, 6]])})
    described = {"text": {"letters": np.array([[9]])}, "caption": {"ids": np.array([[7, 8]])}}
    found = probe.prepared(described, path, 4)
    assert found["text"]["letters"].tolist() == [[1, 2], [3, 4], [5, 6], [1, 2]]
    assert found["caption"]["ids"].tolist() == [[7, 8]] * 4


def test_percentiles_are_numpys() -> None:
    times = [3.0, 1.0, 7.0, 4.0, 100.0, 2.5]
    for share in (50, 99):
        assert percentile(times, share) == pytest.approx(np.percentile(times, share))
    assert percentile([5.0], 99) == 5.0


def test_slow_passes_end_early_but_not_too_early() -> None:
    slow = {"text": lambda: time.sleep(0.01)}
    told = measure(slow, len, batch=8, repeats=50, seconds=0.0)
    assert told["passes"] == FEWEST
    # A pass takes 10 ms at least: 8 questions in each are 800 a second at most.
    assert told["throughput_per_s"] <= 800
    assert told["whole"]["p50_ms"] >= told["views"]["text"]["p50_ms"] >= 10


def test_sleeping_is_no_work() -> None:
    clock = Clock()
    assert clock.time(lambda: time.sleep(0.05) or "slept") == "slept"
    assert clock.cpu[0] < 25 < 50 <= clock.wall[0]


def test_the_sample_is_a_picture_and_a_second_of_sound() -> None:
    question = sample_question()
    with Image.open(io.BytesIO(question.image or b"")) as picture:
        assert picture.size == (256, 256)
        assert picture.getpixel((3, 5)) == (3, 5, 8)
    with wave.open(io.BytesIO(question.audio or b"")) as sound:
        assert (sound.getnframes(), sound.getframerate()) == (16_000, 16_000)
