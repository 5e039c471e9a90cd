"""A pipeline of two stages that take milliseconds, run by the real DVC."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from flows.notify import WEBHOOK
from flows.plan import make_plan
from flows.repro import repro
from flows.summary import Run
from provenance import Artifact, Log
from tasks.entry import record, run_body
from tasks.params import load_params
from tasks.workspace import Workspace

PROJECT = Path(__file__).resolve().parent.parent.parent

DVC_YAML = """
stages:
  ingest:
    cmd: python toy.py ingest data/raw.txt data/manifest.parquet
    deps: [data/raw.txt, toy.py]
    params: [ingest]
    outs: [data/manifest.parquet]
  validate:
    cmd: python toy.py validate data/manifest.parquet verdict.json
    deps: [data/manifest.parquet, requirements.lock]
    params: [validate.min_rows]
    outs: [verdict.json]
"""

TOY = """
import os, signal, sys, time
from pathlib import Path

from flows.record import recorded
from flows.watch import stop_with_holder
from tasks.errors import CheckFailed, UnreachableError
from tasks.workspace import Workspace

stage, source, target = sys.argv[1:]
stop_with_holder()
with recorded(Workspace.here(), stage):
    text = Path(source).read_text()
    tries = Path(f"{stage}.tries")
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    if "bad gate" in text:
        raise CheckFailed("accuracy 0.5 is below 0.9")
    if "passing" in text and len(tries.read_text()) < 3:
        raise UnreachableError("the mirror did not answer")
    if "kill" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "wait" in text:
        time.sleep(60)
    Path(target).write_text(text.upper())
"""


@pytest.fixture
def toy(
    bare_workspace: Workspace, toy_environment: None, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """A workspace whose dvc.yaml has two toy stages, ingest and validate; nothing ran yet."""
    lay_out(bare_workspace.root)
    monkeypatch.setenv("CAIRN_ROOT", str(bare_workspace.root))
    return bare_workspace


@pytest.fixture
def ran(
    tmp_path: Path, ran_once: Path, toy_environment: None, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """The same after its first run, called run0."""
    root = tmp_path / "workspace"
    shutil.copytree(ran_once, root)
    monkeypatch.setenv("CAIRN_ROOT", str(root))
    return Workspace(root)


@pytest.fixture(scope="session")
def ran_once(tmp_path_factory: pytest.TempPathFactory, _quiet: None) -> Path:
    """Run the toy stages once; tests copy the result."""
    root = tmp_path_factory.mktemp("ran") / "workspace"
    root.mkdir()
    shutil.copy(PROJECT / "params.yaml", root)
    lay_out(root)
    workspace = Workspace(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(PROJECT))
        patch.setenv("CAIRN_ROOT", str(root))
        repro(workspace, make_plan(workspace), "run0", 5.0)
    return root


@pytest.fixture
def toy_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages are processes: what they need to know is in the environment."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "keys"))


def lay_out(root: Path) -> None:
    """Write the files of the toy project."""
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    no_scm = True\n    analytics = false\n")
    (root / "dvc.yaml").write_text(DVC_YAML)
    (root / "toy.py").write_text(TOY)
    (root / "requirements.lock").write_text("numpy==2.3.5\n")
    (root / "data").mkdir()
    (root / "data" / "raw.txt").write_text("stamps\n")


def change(workspace: Workspace, file: str, old: str, new: str) -> None:
    """Replace a text in a file of the workspace."""
    path = workspace.root / file
    text = path.read_text()
    assert old in text, f"{old!r} is not in {file}"
    path.write_text(text.replace(old, new, 1))


def tries(workspace: Workspace, stage: str) -> int:
    """How often a toy stage has run."""
    path = workspace.root / f"{stage}.tries"
    return len(path.read_text()) if path.exists() else 0


def log_run(workspace: Workspace, stage: str, out: str, figures: dict[str, str]) -> str:
    """Log an output as if the stage had made it now; returns its digest."""
    artifact = Artifact.of(workspace.root / out)
    params = load_params(workspace.params_file)
    body = run_body(
        stage,
        f"{stage}-{artifact.digest[:8]}",
        params.validation,
        artifacts=[record(workspace, artifact)],
        inputs=[],
        metrics=figures,
        workspace=workspace,
    )
    Log.open(workspace.provenance).append(body)
    return artifact.digest


def planned(workspace: Workspace, name: str, force: str | None = None) -> Run:
    """A run that is about to start, with short waits."""
    params = load_params(workspace.params_file).pipeline
    hasty = params.model_copy(update={"retry_seconds": [0.01, 0.01], "stop_seconds": 5.0})
    return Run(name, workspace, make_plan(workspace, force), hasty)


class Hook(BaseHTTPRequestHandler):
    got: ClassVar[list[dict[str, Any]]] = []
    status = 200
    delay = 0.0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append({"type": self.headers["Content-Type"], **json.loads(body)})
        time.sleep(type(self).delay)
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hook]]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setenv(WEBHOOK, f"http://127.0.0.1:{server.server_port}/secret-token")
    Hook.got, Hook.status, Hook.delay = [], 200, 0.0
    yield Hook
    server.shutdown()
    thread.join()
    server.server_close()
