"""The worker beside a run: started at once, never in the way, and it does anchor."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from provenance import Log
from provenance.anchors import start
from provenance.anchors.chain import Mode
from provenance.anchors.chains import open_chain
from provenance.anchors.config import AnchorConfig, ChainConfig
from provenance.anchors.outbox import Outbox
from provenance.anchors.receipt import Progress, anchors_folder, receipts
from provenance.anchors.status import read_tried
from provenance.anchors.worker import work
from provenance.durable import locked
from provenance.keys import KeyStore
from provenance.layout import Layout
from tests.provenance.conftest import Bench

SOLANA = AnchorConfig((ChainConfig("embedded-solana", "solana", mode=Mode.MEMO),))


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(start.SWITCH, raising=False)


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def ended(pid: int) -> None:
    """Wait until a worker has ended."""
    os.waitpid(pid, 0)


def test_the_worker_anchors_the_head(bench: Bench, on: None) -> None:
    bench.fill(5)
    pid = start.start_worker(bench.folder, SOLANA, bench.keys)
    assert pid is not None
    ended(pid)
    (receipt,) = receipts(Layout(bench.folder))
    assert (receipt.size, receipt.progress) == (5, Progress.FINAL)
    said = (anchors_folder(Layout(bench.folder)) / "worker.log").read_text()
    assert "5 entries sent" in said
    # All is final: no process is started for nothing.
    assert start.start_worker(bench.folder, SOLANA, bench.keys) is None


def test_switched_off_no_log_or_no_chain_starts_nothing(
    bench: Bench, on: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert start.start_worker(bench.folder, SOLANA) is None
    bench.open()
    assert start.start_worker(bench.folder, SOLANA) is None, "an empty log"
    bench.fill(1)
    assert start.start_worker(bench.folder, AnchorConfig(())) is None
    monkeypatch.setenv(start.SWITCH, "off")
    assert start.start_worker(bench.folder, SOLANA) is None


def test_starting_never_raises(bench: Bench, on: None, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.fill(1)

    def no_more(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", no_more)
    assert start.start_worker(bench.folder, SOLANA) is None


def test_attack_50_a_node_that_never_answers_does_not_hold_the_starter(
    bench: Bench, on: None, silent: str
) -> None:
    """The starter goes on while the worker waits: told by events, not by a clock."""
    bench.fill(5)
    chain = ChainConfig("polygon", "evm", silent, "137", Mode.CALLDATA, timeout_seconds=2.0)
    pid = start.start_worker(bench.folder, AnchorConfig((chain,)), bench.keys)
    assert pid is not None
    assert os.waitpid(pid, os.WNOHANG) == (0, 0), "the worker ended before its starter went on"
    bench.log_run("goes on meanwhile")
    ended(pid)
    layout = Layout(bench.folder)
    assert all(receipt.sent is None for receipt in receipts(layout))
    assert read_tried(layout, "polygon").error
    assert bench.verify().ok


class _Odd(BaseHTTPRequestHandler):
    """Answers with whatever the test wants."""

    answer = b""
    code = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(self.code)
        self.send_header("content-length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("kind", ["evm", "solana"])
@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (200, b"<html>maintenance</html>"),
        (200, b"{"),
        (200, b"null"),
        (200, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"x"}}'),
        (200, b'{"jsonrpc":"2.0","id":1,"result":{"value":7}}'),
        (500, b"oops"),
        (429, b'{"error":"slow down"}'),
    ],
)
def test_attack_50_malformed_answers_leave_the_anchor_pending(
    bench: Bench, kind: str, code: int, answer: bytes
) -> None:
    bench.fill(5)
    handler = type("Handler", (_Odd,), {"answer": answer, "code": code})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        mode, chain_id = (Mode.CALLDATA, "1") if kind == "evm" else (Mode.MEMO, "1" * 32)
        chain = ChainConfig("odd", kind, url, chain_id, mode, timeout_seconds=5.0)  # type: ignore[arg-type]
        store = KeyStore(bench.keys)
        outbox = Outbox(
            Layout(bench.folder),
            store,
            AnchorConfig((chain,)),
            lambda config: open_chain(config, store, create=True),
        )
        assert not outbox.work()
        server.shutdown()
    tried = read_tried(Layout(bench.folder), "odd")
    assert tried.failures == 1
    # A message for a person; the outbox puts the type before what nobody foresaw.
    assert tried.error
    assert not re.match(r"\w+Error: ", tried.error)
    (receipt,) = receipts(Layout(bench.folder))
    assert (receipt.progress, receipt.sent) == (Progress.QUEUED, None)


def test_attack_50_nobody_listens(bench: Bench) -> None:
    bench.fill(5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    chain = ChainConfig("polygon", "evm", f"http://127.0.0.1:{port}", "137", Mode.CALLDATA)
    work(Layout(bench.folder), KeyStore(bench.keys), AnchorConfig((chain,)))
    assert "polygon" in read_tried(Layout(bench.folder), "polygon").error


def test_attack_57_a_third_worker_is_not_needed(bench: Bench) -> None:
    """One is at work, one waits for its turn: the next one leaves at once."""
    bench.fill(5)
    layout = Layout(bench.folder)
    folder = anchors_folder(layout)
    folder.mkdir()
    with locked(folder / "worker.lock"), locked(folder / "next.lock"):
        work(layout, KeyStore(bench.keys), SOLANA)
    assert receipts(layout) == []
    work(layout, KeyStore(bench.keys), SOLANA)
    assert len(receipts(layout)) == 1


def test_the_worker_sees_what_was_appended_while_it_follows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays for a chain that is slow to finish, and takes newer heads along."""
    bench.fill(5)
    slow = ChainConfig("embedded-solana", "solana", mode=Mode.MEMO, min_new_entries=1)
    down = ChainConfig("down", "evm", "http://127.0.0.1:9", "1", Mode.CALLDATA)
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            Log.open(bench.folder).append({"kind": "run", "id": "newer"})
        else:
            monkeypatch.setattr(time, "monotonic", lambda: float("inf"))

    monkeypatch.setattr("provenance.anchors.worker.time.sleep", pause)
    config = AnchorConfig((slow, down), poll_seconds=1.0, follow_seconds=60.0)
    work(Layout(bench.folder), KeyStore(bench.keys), config)
    sizes = [one.size for one in receipts(Layout(bench.folder)) if one.chain == "embedded-solana"]
    assert sizes == [5, 6]


def test_the_configuration_travels_by_environment_and_not_by_command_line(
    bench: Bench, on: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider's URL holds a password: `ps` must not show it."""
    bench.fill(1)
    seen = {}

    class Popen:
        pid = 1
        returncode = 0

        def __init__(self, command: list[str], env: dict[str, str], **_: object) -> None:
            seen.update(command=command, env=env)

    monkeypatch.setattr(subprocess, "Popen", Popen)
    chain = ChainConfig("p", "evm", "https://rpc.example/secret", "137", Mode.CALLDATA)
    start.start_worker(bench.folder, AnchorConfig((chain,)))
    assert "secret" not in " ".join(seen["command"])
    assert AnchorConfig.from_json(seen["env"][start.CONFIG]).chains == (chain,)


def test_a_configuration_that_is_none_is_told_in_one_line(bench: Bench) -> None:
    bench.fill(1)
    done = subprocess.run(
        [sys.executable, "-m", "provenance.anchors", "work", str(bench.folder)],
        env={**os.environ, start.CONFIG: json.dumps({"chains": [{"nope": 1}]})},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "no configuration of anchors" in done.stderr
    assert len(done.stderr.splitlines()) == 1
