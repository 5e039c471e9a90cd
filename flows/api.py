"""One Prefect API for a whole run: the one that PREFECT_API_URL names, or one of our own.

A temporary API per stage would cost 10 to 30 s each time. Ours listens on the loopback address only
and keeps its database in `.prefect/`, so that `cairn ui` shows the runs of the past. Commands that
are at work at the same time share it; the last one to leave stops it.
"""

import fcntl
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

from flows.processes import alive, stop_group
from flows.record import read_json, write_json
from tasks.environment import QUIET
from tasks.errors import CairnError, InputError
from tasks.workspace import Workspace

API = "PREFECT_API_URL"
HOST = "127.0.0.1"
SECONDS_TO_ANSWER = 5.0
SECONDS_TO_STOP = 10.0


@contextmanager
def prefect_api(
    workspace: Workspace, startup_seconds: float, port: int | None = None
) -> Iterator[str]:
    """Give this process and its children a Prefect API.

    Args:
        workspace: whose `.prefect/` holds the database of an API of our own.
        startup_seconds: how long that one may take to answer.
        port: where our own listens, or None for any free port.

    Yields:
        the API's URL, such as http://127.0.0.1:4200/api.

    Raises:
        InputError: PREFECT_API_URL is set, and no API answers there; or the port is taken.
        CairnError: our own did not start.
    """
    if url := os.environ.get(API):
        _demand(url)
        yield url
        return
    home = workspace.root / ".prefect"
    url = _enter(home, startup_seconds, port)
    try:
        with _handed_on(url):
            yield url
    finally:
        _leave(home)


def silence(url: str, seconds: float = SECONDS_TO_ANSWER) -> str | None:
    """Why there is no healthy Prefect API at the URL, or None if there is one."""
    if not url.startswith(("http://", "https://")):
        return "not an http(s) URL"
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=seconds):  # noqa: S310  # scheme checked above
            return None
    except urllib.error.HTTPError as error:
        # One that asks for credentials lives; Prefect's client will give them.
        return None if error.code in (401, 403) else f"HTTP status {error.code}"
    except (OSError, ValueError, HTTPException) as error:
        return str(getattr(error, "reason", error))


def choose_port(port: int | None) -> int:
    """The wanted port of the loopback address, or any free one.

    Raises:
        InputError: someone listens there already.
    """
    with socket.socket() as probe:
        # As servers do; else a port that a server left a moment ago counts as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port or 0))
        except OSError as error:
            raise InputError(
                f"port {port} on {HOST}: {error.strerror}; choose another one"
            ) from None
        return int(probe.getsockname()[1])


def _demand(url: str) -> None:
    why = silence(url)
    if why is not None:
        raise InputError(
            f"{API}={url}: no Prefect API answers there ({why}); start it with "
            f"`prefect server start`, or unset {API} and Cairn starts its own"
        )


@contextmanager
def _handed_on(url: str) -> Iterator[None]:
    """Children read the variable; Prefect in this process may have read its settings already."""
    # Imported here: it costs seconds, and a run with nothing to do needs no API.
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogHandler
    from prefect.settings import PREFECT_API_URL, temporary_settings

    os.environ[API] = url
    try:
        with temporary_settings({PREFECT_API_URL: url}):
            try:
                yield
            finally:
                # Both send in the background, and the server is about to stop.
                APILogHandler().flush()
                EventsWorker.drain_all(timeout=SECONDS_TO_STOP)
    finally:
        del os.environ[API]


def _enter(home: Path, seconds: float, port: int | None) -> str:
    """Use the server that others here use; start it where there is none."""
    with _alone(home):
        note = _note(home)
        if note is None:
            chosen = choose_port(port)
            url = f"http://{HOST}:{chosen}/api"
            note = {"pid": _start(home, url, chosen, seconds), "url": url, "users": []}
        write_json(home / "api.json", {**note, "users": [*note["users"], os.getpid()]})
        return str(note["url"])


def _leave(home: Path) -> None:
    with _alone(home):
        note = _note(home)
        if note is None:
            return
        users = [pid for pid in note["users"] if pid != os.getpid() and alive(pid)]
        if users:
            write_json(home / "api.json", {**note, "users": users})
            return
        stop_group(note["pid"], SECONDS_TO_STOP)
        (home / "api.json").unlink()


def _note(home: Path) -> dict[str, Any] | None:
    """What is known about a server that answers; one whose users were killed is as good as any."""
    note: dict[str, Any] | None = read_json(home / "api.json")
    if note is None or not alive(note["pid"]) or silence(note["url"]) is not None:
        return None
    return note


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Two commands that start at the same time shall start one server."""
    home.mkdir(exist_ok=True)
    with (home / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(home: Path, url: str, port: int, seconds: float) -> int:
    """Start a server and wait for its first answer; returns its process id."""
    log = home / "server.log"
    own = {
        "PREFECT_HOME": str(home),
        # Prefect looks for this one in the user's home whatever PREFECT_HOME says.
        "PREFECT_SERVER_MEMO_STORE_PATH": str(home / "memo_store.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    command = [sys.executable, "-m", "prefect", "server", "start"]
    with log.open("wb") as file:
        # A session of its own: Ctrl-C ends the run first, and the run then ends the server.
        server = subprocess.Popen(
            [*command, "--host", HOST, "--port", str(port)],
            cwd=home,
            env={**QUIET, **os.environ, **own},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    until = time.monotonic() + seconds
    try:
        while silence(url, 1.0) is not None:
            if server.poll() is not None:
                raise CairnError(f"the Prefect API ended while it started: {_tail(log)}")
            if time.monotonic() > until:
                raise CairnError(
                    f"the Prefect API did not answer within {seconds:g} s: {_tail(log)}; "
                    "raise pipeline.api_startup_seconds in params.yaml"
                )
            time.sleep(0.2)
    except BaseException:
        stop_group(server.pid, SECONDS_TO_STOP)
        raise
    return server.pid


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return f"{said[-1] if said else 'it said nothing'} (all of it: {log})"
