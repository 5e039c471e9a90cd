"""What people look at, in a real browser: MLflow's pages, the sheet of mistakes, the Data Docs."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import needs_chromium
from tests.project.conftest import Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    needs_chromium,
]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page()
    opened.set_default_timeout(120_000)
    yield opened
    opened.close()


def artifact(project: Project, name: str) -> Path:
    """The newest MLflow artifact of that name."""
    found = sorted(
        (project.root / "mlruns" / "artifacts").glob(f"*/artifacts/{name}"),
        key=lambda path: path.stat().st_mtime,
    )
    assert found, f"no run logged {name}"
    return found[-1]


def open_alone(page: Page, path: Path) -> list[str]:
    """Open a file; returns what it asked for elsewhere (auditors read these pages offline)."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri(), wait_until="load")
    return [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


def test_sheet_of_mistakes_shows_pictures_and_plays_sound(project, page):
    assert open_alone(page, artifact(project, "mistakes.html")) == []
    widths = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
    assert widths
    assert all(width > 0 for width in widths)
    page.wait_for_function("[...document.querySelectorAll('audio')].every(a => a.duration > 0)")
    assert page.locator("audio").count() == len(widths)


def test_data_docs_are_readable_offline(project, page):
    assert open_alone(page, artifact(project, "data_docs/index.html")) == []
    assert "expectations" in page.inner_text("body").lower()


def test_mlflow_shows_the_runs(project, page):
    server = project.start("cairn", "ui", errors=subprocess.STDOUT)
    try:
        assert server.stdout is not None
        said = ""
        while "Ctrl-C stops" not in said and server.poll() is None:
            said += server.stdout.readline()
        address = re.search(r"MLflow\s+(http://127\.0\.0\.1:\d+)", said)
        assert address, said
        page.goto(f"{address[1]}/#/experiments/1/runs")  # 0 is MLflow's own "Default"
        page.get_by_text("train", exact=True).first.wait_for()
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=120)
