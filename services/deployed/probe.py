"""Measure a deployable folder in a process of its own; one JSON line.

    python -m services.deployed.probe FOLDER --backend onnx --threads 1 --batch 1 --repeats 50

- cold_start_s: from an interpreter that imported nothing but psutil to the first answer to a whole
  question from bytes: imports, verified loading, decoding, all graphs; cold_start_cpu_s what the
  processor did meanwhile.
- rss_bytes: the whole process after all answers; first_rss_bytes after the first one;
  bare_rss_bytes before anything was imported; rss_over_bare_bytes the difference to the first.
- whole, views: milliseconds of the graphs, from prepared inputs to the fused answer.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.timing import FEWEST, FEWEST_ALSO, measure, resident, sample_question

if TYPE_CHECKING:
    from services.deployed.frontend import Inputs


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; errors are one line on stderr."""
    return told(probe, parser("FOLDER", "a deployable folder").parse_args(arguments))


def told(
    measured: Callable[[argparse.Namespace], dict[str, Any]], asked: argparse.Namespace
) -> int:
    """Print what a probe finds, or why it cannot; returns the exit code.

    What nobody foresaw keeps its traceback.
    """
    try:
        found = measured(asked)
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 2
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if code is None:
            raise
        sys.stderr.write(f"{error}\n")
        return int(code)
    sys.stdout.write(json.dumps(found, sort_keys=True) + "\n")
    return 0


def parser(folder: str, told: str) -> argparse.ArgumentParser:
    """What both probes take."""
    made = argparse.ArgumentParser(description="Measure a model in a process of its own.")
    made.add_argument("folder", metavar=folder, type=Path, help=told)
    made.add_argument("--backend", choices=("onnx", "openvino"), default="onnx")
    made.add_argument("--threads", type=int, required=True)
    made.add_argument("--batch", type=int, required=True)
    made.add_argument("--repeats", type=int, required=True)
    made.add_argument("--seconds", type=float, default=60.0, help="stop timing earlier")
    made.add_argument(
        "--also", type=_pair, action="append", default=[], metavar="BATCH,THREADS",
        help="time this too, in the same process, after memory was measured",
    )  # fmt: skip
    made.add_argument("--inputs", type=Path, help="npz with an array (N, ...) per VIEW.INPUT")
    return made


def probe(asked: argparse.Namespace) -> dict[str, Any]:
    """The figures that the module's text describes."""
    question = sample_question()
    bare, started, worked = resident(), time.perf_counter(), time.process_time()
    from services.deployed.runtime import load

    deployed = load(asked.folder, backend=asked.backend, threads=asked.threads)
    deployed.answer(question)
    cold, worked = time.perf_counter() - started, time.process_time() - worked
    first = resident()

    def timed(batch: int, threads: int) -> dict[str, Any]:
        same = threads == asked.threads
        model = deployed if same else load(asked.folder, backend=asked.backend, threads=threads)
        inputs = prepared(model.front_end.describe(question), asked.inputs, batch)
        return measure(
            {view: lambda v=view: model.scores(v, inputs[v])[0] for view in inputs},  # type: ignore[misc]  # mypy cannot type a lambda's default
            model.fuse,
            batch=batch,
            repeats=asked.repeats,
            seconds=asked.seconds,
            fewest=fewest(batch),
        )

    return {
        "backend": asked.backend,
        "fallbacks": deployed.fallbacks,
        "cold_start_s": round(cold, 4),
        "cold_start_cpu_s": round(worked, 4),
        **figures(asked, timed, bare=bare, first=first),
    }


def figures(
    asked: argparse.Namespace,
    timed: Callable[[int, int], dict[str, Any]],
    *,
    bare: int,
    first: int,
) -> dict[str, Any]:
    """What was asked for, then memory, then what was asked for also.

    Args:
        asked: batch, threads, also.
        timed: measures a batch on some threads.
        bare, first: bytes in memory before anything and after the first answer.
    """
    whole = timed(asked.batch, asked.threads)
    return {
        "threads": asked.threads,
        **whole,
        **memory(bare=bare, first=first),
        "also": [{"threads": threads, **timed(batch, threads)} for batch, threads in asked.also],
    }


def fewest(batch: int) -> int:
    """Passes of a batch that are timed at least."""
    return FEWEST if batch == 1 else FEWEST_ALSO


def _pair(text: str) -> tuple[int, int]:
    batch, threads = (int(part) for part in text.split(","))
    return batch, threads


def memory(*, bare: int, first: int) -> dict[str, int]:
    """Bytes in memory, as the module's text describes them."""
    now = resident()
    return {
        "bare_rss_bytes": bare,
        "first_rss_bytes": first,
        "rss_bytes": now,
        "rss_over_bare_bytes": now - bare,
    }


def prepared(described: "dict[str, Inputs]", path: Path | None, batch: int) -> "dict[str, Inputs]":
    """Inputs of a batch: rows of a file in turn where it has them, else one question repeated.

    Args:
        described: of one question; says which inputs there are.
        path: an npz with arrays named VIEW.INPUT, as `audio.mel`.
        batch: rows.
    """
    import numpy as np

    given: dict[str, Any] = {}
    if path is not None:
        with np.load(path, allow_pickle=False) as file:
            given = dict(file)
    inputs: dict[str, Inputs] = {}
    for view, named in described.items():
        inputs[view] = {}
        for name, one in named.items():
            rows = given.get(f"{view}.{name}", one)
            inputs[view][name] = np.ascontiguousarray(rows[np.arange(batch) % len(rows)])
    return inputs


if __name__ == "__main__":
    sys.exit(main())
