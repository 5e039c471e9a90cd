"""What anchoring costs a run: small tracked runs, the worker off, and on with an RPC that hangs."""

import contextlib
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import BaseModel

from provenance.anchors import AnchorConfig, ChainConfig, start_worker
from provenance.anchors.chain import Mode
from tasks.tracked import tracked_run
from tasks.workspace import Workspace

PROJECT = Path(__file__).resolve().parent.parent


class Small(BaseModel):
    rows: int = 3


def anchor_costs(scratch: Path, repeats: int) -> dict[str, Any]:
    """Seconds of a run without anchoring and with, in turns, and of starting the worker alone."""
    os.environ["CAIRN_KEYS"] = str(scratch / "keys")
    os.environ.pop("CAIRN_ANCHOR", None)
    workspace = Workspace(scratch / "workspace")
    workspace.mlruns.mkdir(parents=True)
    shutil.copy(PROJECT / "params.yaml", workspace.root)
    _run(workspace, None)  # makes keys, log and database
    found: dict[str, list[float]] = {"off": [], "hanging": [], "start": []}
    with _hanging() as url:
        config = AnchorConfig(
            chains=(ChainConfig("hanging", "solana", url, "none", mode=Mode.MEMO),),
            poll_seconds=1.0,
        )
        for _ in range(3 * repeats):
            found["off"].append(_run(workspace, None)[0])
            whole, started = _run(workspace, config)
            found["hanging"].append(whole)
            found["start"].append(started)
    return {
        "repeats": 3 * repeats,
        "milliseconds": {
            name: {"median": 1e3 * median(line), "low": 1e3 * min(line), "high": 1e3 * max(line)}
            for name, line in found.items()
        },
        "difference_ms": 1e3 * (median(found["hanging"]) - median(found["off"])),
    }


def _run(workspace: Workspace, config: AnchorConfig | None) -> tuple[float, float]:
    start = time.perf_counter()
    with tracked_run("benchmark", Small(), workspace=workspace) as run:
        run.publish(workspace.stage("benchmark") / "out.txt", _write)
    before = time.perf_counter()
    worker = start_worker(workspace.provenance, config) if config is not None else None
    done = time.perf_counter()
    if worker is not None:  # a run leaves it alone; here the next turn shall be undisturbed
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
    elif config is not None:
        raise SystemExit("no worker was started: nothing was measured")
    return done - start, done - before


def _write(path: Path) -> None:
    path.write_text("done", encoding="utf-8")


@contextmanager
def _hanging() -> Iterator[str]:
    """The URL of a node that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
