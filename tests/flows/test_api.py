"""Finding, starting and sharing one Prefect API."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from flows.api import API, choose_port, prefect_api, silence
from flows.processes import alive
from tasks.errors import CairnError, InputError
from tasks.workspace import Workspace

STARTUP = 120.0


class Health(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(type(self).status if self.path == "/api/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def somebody() -> Iterator[str]:
    """A server that answers as Prefect's health check does."""
    server = HTTPServer(("127.0.0.1", 0), Health)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    Health.status = 200
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "why"), [(200, None), (401, None), (403, None), (500, "HTTP status 500")]
)
def test_health(somebody: str, status: int, why: str | None) -> None:
    Health.status = status
    assert silence(somebody) == why
    assert silence(somebody + "/") == why


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:9/api", "Connection refused"),
        ("ftp://127.0.0.1/api", "not an http(s) URL"),
        ("http://bad host/api", "control characters"),
    ],
)
def test_silence_says_why(url: str, why: str) -> None:
    assert why in str(silence(url))


def test_the_named_api_is_used_and_left_alone(
    bare_workspace: Workspace, somebody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API, somebody)
    with prefect_api(bare_workspace, STARTUP) as url:
        assert url == somebody
    assert os.environ[API] == somebody
    assert not (bare_workspace.root / ".prefect").exists()


def test_the_named_api_is_down(bare_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API, "http://127.0.0.1:9/api")
    with (
        pytest.raises(InputError, match=r"PREFECT_API_URL=http://127.*refused.*or unset PREFECT"),
        prefect_api(bare_workspace, STARTUP),
    ):
        pass


def test_ports() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port} on 127.0.0.1: Address already in use"):
            choose_port(port)
    assert choose_port(port) == port
    assert choose_port(None) > 0


def test_a_server_that_does_not_start_says_why(
    bare_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(API, raising=False)
    monkeypatch.setenv("PREFECT_SERVER_LOGGING_LEVEL", "no such level")
    with (
        pytest.raises(CairnError, match=r"the Prefect API ended while it started: .*server\.log"),
        prefect_api(bare_workspace, STARTUP),
    ):
        pass
    assert not (bare_workspace.root / ".prefect" / "api.json").exists()


def test_a_server_that_is_too_slow_is_stopped(
    bare_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(API, raising=False)
    with (
        pytest.raises(CairnError, match=r"did not answer within 0\.01 s.*api_startup_seconds"),
        prefect_api(bare_workspace, 0.01),
    ):
        pass


@pytest.mark.flow
def test_one_server_for_all_and_the_last_one_out_stops_it(
    bare_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(API, raising=False)
    note = bare_workspace.root / ".prefect" / "api.json"
    with prefect_api(bare_workspace, STARTUP) as url:
        assert silence(url) is None
        assert os.environ[API] == url
        server = json.loads(note.read_text())["pid"]
        # Somebody else comes, who finds no PREFECT_API_URL, and leaves without saying goodbye.
        values = json.loads(note.read_text())
        note.write_text(json.dumps({**values, "users": [os.getppid()]}))
        del os.environ[API]
        with prefect_api(bare_workspace, STARTUP) as second:
            assert second == url
        assert alive(server), "another one still uses it"
        note.write_text(json.dumps({**values, "users": [2**22 + 1]}))  # no such process
        os.environ[API] = url
    assert not alive(server)
    assert not note.exists()
    assert API not in os.environ
