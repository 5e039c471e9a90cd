"""Classes of machines: what they are called, what may be compared, what falls back to what."""

import json
import os
import platform
import re
from dataclasses import replace
from pathlib import Path

import pytest

from models.compression.order import KINDS
from tasks.compress import machine as machines
from tasks.compress.machine import FLAGS, Machine, fallback, gate, machine_class

CPUINFO = Path("/proc/cpuinfo")
LIBRARIES = {"torch": "2.13.0", "onnxruntime": "1.31.1", "openvino": "2026.4.1"}
PLAIN = Machine("x86_64", ("avx2",), 2, 2, LIBRARIES)
SERVER = Machine(
    "x86_64",
    ("amx_bf16", "amx_int8", "amx_tile", "avx2", "avx512_bf16", "avx512_vnni", "avx512f"),
    8,
    4,
    LIBRARIES,
)
LAPTOP = Machine("x86_64", ("avx2", "avx_vnni"), 8, 8, LIBRARIES)
PHONE = Machine("aarch64", ("asimd", "asimddp", "asimdhp", "bf16", "i8mm"), 4, 4, LIBRARIES)


@pytest.mark.skipif(not CPUINFO.exists(), reason="needs Linux")
def test_the_flags_are_those_that_the_kernel_tells() -> None:
    line = next(
        line for line in CPUINFO.read_text().splitlines() if line.startswith(("flags", "Features"))
    )
    told = set(line.split(":", 1)[1].split())
    assert set(machine_class().flags) == told & set(FLAGS.values())


def test_this_machine() -> None:
    here = machine_class()
    assert here.architecture == platform.machine()
    assert 1 <= here.physical <= here.logical <= (os.cpu_count() or 1)
    assert json.loads(json.dumps(here.plain()))["name"] == here.name
    assert Machine.of(json.loads(json.dumps(here.plain()))) == here
    assert platform.node() not in json.dumps(here.plain())


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        (PLAIN, "x86_64-avx2-2"),
        (SERVER, "x86_64-avx512-vnni-bf16-amx-8"),
        (LAPTOP, "x86_64-avx2-vnni-8"),
        (PHONE, "aarch64-asimd-vnni-bf16-4"),
        (replace(PLAIN, flags=()), "x86_64-plain-2"),
    ],
)
def test_names(machine: Machine, name: str) -> None:
    assert machine.name == name


@pytest.mark.parametrize(
    ("content", "cores"), [("50000 100000", 1), ("max 100000", None), ("100000 100000", 1)]
)
def test_a_containers_quota_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, cores: int | None
) -> None:
    (tmp_path / "cpu.max").write_text(content)
    monkeypatch.setattr(machines, "QUOTA", tmp_path / "cpu.max")
    assert machine_class().logical == (cores or len(os.sched_getaffinity(0)))


def test_latencies_of_one_class_may_be_compared() -> None:
    assert gate(PLAIN, replace(PLAIN, flags=("avx2",))) is None


@pytest.mark.parametrize(
    ("here", "why"),
    [
        (SERVER, r"instruction sets avx2 -> amx_bf16\+.*; cores 2 -> 8; physical cores 2 -> 4"),
        (replace(PLAIN, logical=1, physical=1), "cores 2 -> 1"),
        (replace(PLAIN, architecture="aarch64"), "architecture x86_64 -> aarch64"),
        (replace(PLAIN, libraries={**LIBRARIES, "onnxruntime": "1.32.0"}), "1.31.1 -> 1.32.0"),
        (replace(PLAIN, libraries={}), "torch 2.13.0 -> absent"),
    ],
)
def test_latencies_of_other_classes_are_measured_again(here: Machine, why: str) -> None:
    found = gate(PLAIN, here)
    assert found is not None
    assert found.startswith(f"measured on {PLAIN.name}, here is {here.name} (")
    assert found.endswith("measure again")
    assert re.search(why, found)


@pytest.mark.parametrize("technique", ["bf16", "openvino_bf16"])
def test_bfloat16_falls_back(technique: str) -> None:
    assert fallback(technique, SERVER) is fallback(technique, PHONE) is None
    for machine in (PLAIN, LAPTOP):
        told = fallback(technique, machine)
        assert told == f"{machine.name} has no bfloat16: computed in float32, correct but no faster"


def test_float16_falls_back() -> None:
    assert fallback("fp16", PHONE) is None
    assert fallback("fp16", SERVER) is not None
    for machine in (PLAIN, SERVER, PHONE):
        assert "onnxruntime has no float16" in (fallback("ort_fp16", machine) or "")


@pytest.mark.parametrize(
    "technique",
    ["ort_dynamic_int8", "ort_static_int8", "openvino_int8", "torchao_int8", "qat"],
)
def test_integers_fall_back(technique: str) -> None:
    assert "x86_64-avx2-2 has no VNNI" in (fallback(technique, PLAIN) or "")
    assert {fallback(technique, machine) for machine in (SERVER, LAPTOP, PHONE)} == {None}


def test_nothing_else_falls_back() -> None:
    named = {"bf16", "openvino_bf16", "fp16", "ort_fp16", "torchao_int8", "qat"}
    named |= {"ort_dynamic_int8", "ort_static_int8", "openvino_int8"}
    assert {name for name in KINDS if fallback(name, replace(PLAIN, flags=()))} == named
