"""What tests share: a throw-away workspace with its own keys, log and tracking database."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROJECT = Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs the system's Chromium")


@pytest.fixture(scope="session", autouse=True)
def _quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No telemetry, no settings of the person who runs the tests, nothing written outside tmp."""
    from tasks.environment import prepare

    prepare()
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAIRN_KEYS", str(home / "keys"))
        patch.setenv("PREFECT_HOME", str(home / "prefect"))
        patch.setenv("CAIRN_ANCHOR", "off")  # no test leaves a process behind; some turn it on
        for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "CAIRN_ROOT", "CAIRN_WEBHOOK_URL"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database after its migrations: they take seconds, so tests copy this one."""
    import mlflow

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def workspace(
    tmp_path: Path, migrated_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """An empty workspace with the project's params.yaml and a migrated tracking database."""
    root = tmp_path / "workspace"
    (root / "mlruns").mkdir(parents=True)
    shutil.copy(PROJECT / "params.yaml", root)
    shutil.copy(migrated_database, root / "mlruns" / "mlflow.db")
    monkeypatch.setenv("CAIRN_ROOT", str(root))
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "keys"))
    yield Workspace(root)
    import mlflow

    while mlflow.active_run() is not None:
        mlflow.end_run("FAILED")


@pytest.fixture(scope="session")
def prefect_api(_quiet: None) -> Iterator[str]:
    """One Prefect API for all tests marked `flow`."""
    os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "120"
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())


@pytest.fixture
def bare_workspace(tmp_path: Path) -> Workspace:
    """A workspace without a tracking database: for what needs none."""
    root = tmp_path / "workspace"
    (root / "mlruns").mkdir(parents=True)
    shutil.copy(PROJECT / "params.yaml", root)
    return Workspace(root)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """The system's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()
