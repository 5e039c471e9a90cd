"""Measure a model in processes of its own, so that nothing else of the pipeline is counted.

What is printed is defined in `services/deployed/probe.py`. Tasks may not import services: the
probes are programs, known by name.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tasks.errors import CairnError

PROGRAMS = {
    "torch": "services.probe_teacher",
    "student": "services.probe_student",
    "onnx": "services.deployed.probe",
    "openvino": "services.deployed.probe",
}
"""Backend to what measures it; "torch" is the trained model in fp32, as it is served, "student" a
step of a recipe that is not a graph yet."""

BATCHES = (1, 32)
QUICK = (1, 1)
"""Batch and threads of the light variant."""

CODE = Path(__file__).resolve().parents[2]
TAIL = 6
"""Lines of a failed probe's stderr that are shown."""


class ProbeError(CairnError):
    """A probe that failed, took too long or printed something else."""


@dataclass(frozen=True)
class Latency:
    """Of one pass with all views, from prepared inputs to the fused answer.

    Args:
        batch: questions in a pass.
        threads: that the runtime may use.
        p50_ms, p99_ms: by the wall.
        cpu_p50_ms, cpu_p99_ms: of the processor, all threads added up; what else runs on the
            machine hardly changes it.
        throughput_per_s: questions answered a second.
    """

    batch: int
    threads: int
    p50_ms: float
    p99_ms: float
    cpu_p50_ms: float
    cpu_p99_ms: float
    throughput_per_s: float


@dataclass(frozen=True)
class Measured:
    """What the probes said of one model with one backend.

    Args:
        backend: of PROGRAMS.
        rss_bytes: resident set of the whole process after answering, one thread, one at a time.
        rss_over_bare_bytes: the same less that of an interpreter that imported nothing yet.
        cold_start_s: from there to the first answer, from bytes to label; median over processes.
        cold_start_cpu_s: what the processor did meanwhile.
        latency: one a batch and number of threads that was asked for.
        view_ms: median processor time of each view at batch 1 on one thread.
        fallbacks: views that run otherwise than asked, and why.
    """

    backend: str
    rss_bytes: int
    rss_over_bare_bytes: int
    cold_start_s: float
    cold_start_cpu_s: float
    latency: tuple[Latency, ...]
    view_ms: Mapping[str, float]
    fallbacks: Mapping[str, str]

    def at(self, *, batch: int, threads: int) -> Latency:
        """The latency at a batch and number of threads.

        Raises:
            KeyError: it was not measured.
        """
        for found in self.latency:
            if (found.batch, found.threads) == (batch, threads):
                return found
        raise KeyError(f"batch {batch} on {threads} threads was not measured")

    def plain(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            **asdict(self),
            "latency": [asdict(found) for found in self.latency],
            "view_ms": dict(self.view_ms),
            "fallbacks": dict(self.fallbacks),
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Measured":
        """From what `plain` made."""
        latency = tuple(Latency(**found) for found in plain["latency"])
        return cls(**{**plain, "latency": latency})


def measure(
    folder: Path,
    *,
    backend: str,
    cores: int,
    quick: bool,
    repeats: int,
    rounds: int,
    teacher: Path | None = None,
    inputs: Path | None = None,
    seconds: float = 10.0,
    timeout: float = 300.0,
) -> Measured:
    """Probe a folder.

    Args:
        folder: deployable; for "torch" the one with config.json and model.safetensors.
        backend: of PROGRAMS.
        cores: what "all threads" means here.
        quick: batch 1 on one thread alone; else batches 1 and 32, on one thread and on all.
        repeats: timed passes of a process.
        rounds: processes; medians over them are taken, so that one disturbed process does not
            count.
        teacher: for "student", the folder of the model that it was cut from.
        inputs: npz with prepared inputs by VIEW.INPUT; None: one made-up question, repeated.
        seconds: timing of one process ends after these, with fewer passes.
        timeout: seconds after which a process is ended.

    Raises:
        ProbeError: a probe failed; with the end of what it said.
    """
    all_ = dict.fromkeys((batch, n) for n in (1, cores) for batch in BATCHES)
    also = [] if quick else [pair for pair in all_ if pair != QUICK]
    command = _command(folder, backend, also, repeats, seconds, teacher, inputs)
    firsts = [_run(command, timeout) for _ in range(rounds)]
    latency = [_latency(firsts)] + [
        _latency([told["also"][place] for told in firsts]) for place in range(len(also))
    ]
    return Measured(
        backend=backend,
        rss_bytes=int(_median(firsts, "rss_bytes")),
        rss_over_bare_bytes=int(_median(firsts, "rss_over_bare_bytes")),
        cold_start_s=_median(firsts, "cold_start_s"),
        cold_start_cpu_s=_median(firsts, "cold_start_cpu_s"),
        latency=tuple(latency),
        view_ms={
            view: statistics.median(told["views"][view]["cpu_p50_ms"] for told in firsts)
            for view in firsts[0]["views"]
        },
        fallbacks=firsts[0]["fallbacks"],
    )


def _latency(told: Sequence[dict[str, Any]]) -> Latency:
    names = ("p50_ms", "p99_ms", "cpu_p50_ms", "cpu_p99_ms")
    figures = {name: statistics.median(one["whole"][name] for one in told) for name in names}
    return Latency(
        batch=told[0]["batch"],
        threads=told[0]["threads"],
        throughput_per_s=_median(told, "throughput_per_s"),
        **figures,
    )


def _median(told: Sequence[dict[str, Any]], name: str) -> float:
    return float(statistics.median(one[name] for one in told))


def _command(
    folder: Path,
    backend: str,
    also: Sequence[tuple[int, int]],
    repeats: int,
    seconds: float,
    teacher: Path | None,
    inputs: Path | None,
) -> list[str]:
    if backend not in PROGRAMS:
        raise ProbeError(f"backend={backend!r}: allowed are {', '.join(PROGRAMS)}")
    batch, threads = QUICK
    settings = {"threads": threads, "batch": batch, "repeats": repeats, "seconds": seconds}
    named = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    named += [part for pair in also for part in ("--also", f"{pair[0]},{pair[1]}")]
    if PROGRAMS[backend] == "services.deployed.probe":
        named += ["--backend", backend]
    if backend == "student" and teacher is not None:
        named += ["--teacher", str(teacher.resolve())]
    if inputs is not None:
        named += ["--inputs", str(inputs.resolve())]
    return [sys.executable, "-m", PROGRAMS[backend], str(folder.resolve()), *named]


def _run(command: list[str], timeout: float) -> dict[str, Any]:
    shown = " ".join(command[1:])
    try:
        done = subprocess.run(  # our own program, its arguments from settings
            command,
            cwd=CODE,
            env={**os.environ, "PYTHONPATH": str(CODE)},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProbeError(
            f"{shown}: no answer after {timeout:g} s; give it longer or fewer repeats"
        ) from None
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-TAIL:]) or "nothing on stderr"
        raise ProbeError(f"{shown}: exit code {done.returncode}: {said}")
    try:
        told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise ProbeError(f"{shown}: printed {done.stdout[-200:]!r}, not figures") from None
    return told
