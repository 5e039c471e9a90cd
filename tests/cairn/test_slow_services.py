"""`cairn schedule` and `cairn ui` with real servers."""

import asyncio
import json
import re
import signal
import urllib.request

import pytest

from flows.api import prefect_api, silence
from flows.schedule import DEPLOYMENT
from tasks.workspace import Workspace
from tests.cairn.test_slow_run import LONGEST_SECONDS, descendants, start, wait_until

pytestmark = pytest.mark.slow


def deployments(url: str) -> list[tuple[str, list[tuple[str, bool]]]]:
    """Name, and cron line and activity of each schedule, of all deployments the API knows."""
    request = urllib.request.Request(  # noqa: S310  # loopback
        f"{url}/deployments/filter",
        data=b"{}",
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # loopback
        found = json.load(answer)
    return [
        (one["name"], [(each["schedule"]["cron"], each["active"]) for each in one["schedules"]])
        for one in found
    ]


def api_of(workspace: Workspace) -> str | None:
    note = workspace.root / ".prefect" / "api.json"
    if not note.exists():
        return None
    url = str(json.loads(note.read_text())["url"])
    return url if silence(url) is None else None


def served(workspace: Workspace) -> bool:
    url = api_of(workspace)
    return url is not None and deployments(url) == [(DEPLOYMENT, [("0 3 * * *", True)])]


def run_now(url: str) -> str:
    """Ask for a run of the deployment at once, as the button in the UI does; returns its id."""
    from prefect.client.orchestration import PrefectClient

    async def ask() -> str:
        async with PrefectClient(url) as client:
            found = await client.read_deployment_by_name(f"scheduled/{DEPLOYMENT}")
            return str((await client.create_flow_run_from_deployment(found.id)).id)

    return asyncio.run(ask())


def state_of(url: str, run: str) -> str:
    with urllib.request.urlopen(f"{url}/flow_runs/{run}", timeout=10) as answer:  # noqa: S310  # loopback
        return str(json.load(answer)["state_type"])


def test_a_schedule_survives_a_kill(toy: Workspace) -> None:
    first = start(toy, "schedule", "--cron", "0 3 * * *")
    wait_until(lambda: served(toy), first)
    first.kill()
    first.communicate()

    second = start(toy, "schedule", "--cron", "0 3 * * *")
    wait_until(lambda: served(toy), second)
    url = api_of(toy)
    assert url is not None
    run = run_now(url)
    wait_until(lambda: state_of(url, run) in ("COMPLETED", "FAILED", "CRASHED"), second)
    assert state_of(url, run) == "COMPLETED"
    assert (toy.root / "verdict.json").exists(), "the scheduled run made nothing"
    second.send_signal(signal.SIGTERM)
    _, err = second.communicate(timeout=LONGEST_SECONDS)
    assert second.returncode == 0, err
    assert descendants(toy) == [], "something still runs"

    with prefect_api(toy, 120.0) as url:  # the schedule outlives both, still active
        assert deployments(url) == [(DEPLOYMENT, [("0 3 * * *", True)])]


def test_both_pages_until_interrupted(workspace: Workspace) -> None:
    child = start(workspace, "ui")
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(3)]
    pages = re.findall(r"http://127\.0\.0\.1:\d+", "".join(lines))
    assert len(pages) == 2, lines
    for page in pages:
        with urllib.request.urlopen(page, timeout=30) as answer:  # noqa: S310  # loopback
            assert b"<html" in answer.read().lower()
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=LONGEST_SECONDS)
    assert (child.returncode, err) == (0, "")
    assert descendants(workspace) == [], "something still runs"


def test_a_taken_port_is_named(workspace: Workspace) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        child = start(workspace, "ui", "--mlflow-port", str(port))
        _, err = child.communicate(timeout=LONGEST_SECONDS)
    assert child.returncode == 2
    assert f"port {port} on 127.0.0.1" in err
