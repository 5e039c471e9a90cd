"""Microsoft Olive's `auto-opt`: the passes that it picks for a precision, in its own environment.

Olive is not among this project's dependencies; the benchmark is told which interpreter has it. Each
view's graph goes through the command by itself. Where that fails, the view stays in fp32 and the
reason is noted.
"""

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.compression_peers import opens
from models.batches import VIEWS
from models.compression.graphs.graph import Graph
from tasks.compress.state import State
from tasks.progress import say

PRECISIONS = ("int8", "int4")
LIMIT = 480.0
"""Seconds that all of Olive may take."""
COMMAND = ("auto-opt", "--device", "cpu", "--provider", "CPUExecutionProvider")

SEARCH = (
    "not run: `olive run` with search_strategy and a metric of one's own (agreement with the "
    "teacher) stops in olive-ai 0.13.0 before the first trial: Metric.serialize_backend calls "
    "None.model_dump(), since the validator sets a custom metric's backend to None"
)
"""Seen by hand with pydantic 2; `auto-opt` picks passes by precision alone and searches nothing."""


@dataclass(frozen=True)
class Olive:
    """What Olive did.

    Args:
        states: by name of the peer.
        told: facts for the results: version, seconds, why it did not run.
    """

    states: list[tuple[str, State]]
    told: dict[str, object]


def olive(base: State, python: Path | None) -> Olive:
    """Run Olive on every view, at each precision.

    Args:
        base: graphs as exported.
        python: interpreter of the environment with olive-ai; None: not run.
    """
    if python is None:
        return Olive([], {"ran": False, "reason": "no interpreter with olive-ai was named"})
    asked = [str(python), "-c", "import olive; print(olive.__version__)"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        return Olive([], {"ran": False, "reason": _last(done.stderr)})
    start, states = time.monotonic(), []
    failed: dict[str, list[str]] = {}
    for precision in PRECISIONS:
        state = base
        for view in VIEWS:
            left = LIMIT - (time.monotonic() - start)
            state = _view(state, view, precision, python, left)
        if any(state.onnx[view] is not base.onnx[view] for view in VIEWS):
            states.append((f"Olive auto-opt {precision}", state))
        else:
            failed[precision] = list(state.notes)  # nothing was made: no row of its own
    told: dict[str, object] = {
        "ran": True,
        "version": done.stdout.split()[-1],
        "command": "olive auto-opt",
        "search": SEARCH,
        "failed": failed,
    }
    return Olive(states, told)


def _view(state: State, view: str, precision: str, python: Path, left: float) -> State:
    if left <= 0:
        return _failed(state, view, precision, f"no time left of {LIMIT:.0f} s")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source, target = folder / f"{view}.onnx", folder / "made"
        source.write_bytes(state.plain[view].onnx())
        command = [str(python), "-m", "olive", *COMMAND, "--precision", precision]
        command += ["-m", str(source), "-o", str(target)]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, "HF_HUB_OFFLINE": "1", "OLIVE_DISABLE_TELEMETRY": "1"},
                capture_output=True,
                text=True,
                timeout=left,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return _failed(state, view, precision, "took too long")
        found = sorted(target.rglob("*.onnx"))
        if not found:
            return _failed(state, view, precision, _last(done.stdout + done.stderr))
        try:
            made = _one_file(view, found[0])
            opens(made)
        except Exception as error:  # whatever a peer may leave behind is a result
            return _failed(state, view, precision, _last(str(error)))
    say(f"Olive {precision}: {view} {len(made.onnx()) / 1e6:.1f} MB")
    return state.with_graph(made)


def _one_file(view: str, path: Path) -> Graph:
    """The graph with its weights inside, whatever files Olive wrote."""
    import onnx

    return Graph(view, "onnx", {f"{view}.onnx": onnx.load_model(path).SerializeToString()})


def _failed(state: State, view: str, precision: str, reason: str) -> State:
    note = f"{view} stays fp32: Olive auto-opt {precision} made nothing: {reason}"
    say(note)
    return replace(state, notes=(*state.notes, note))


def _last(text: str) -> str:
    """The line that names the error; else the last one. No paths."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    named = [line for line in lines if "Error" in line and not line.startswith("File")]
    line = (named or lines or ["nothing was said"])[-1]
    return " ".join(word for word in line.split() if "/" not in word)[:160]
