"""`cairn ui`: MLflow's and Prefect's pages in the browser, on this machine only."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tasks.workspace import Workspace

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_TO_STOP = 10.0


def ui(
    mlflow_port: Annotated[
        int | None, typer.Option(help="Of MLflow's pages; any free port if absent.")
    ] = None,
    prefect_port: Annotated[
        int | None, typer.Option(help="Of Prefect's pages; any free port if absent.")
    ] = None,
) -> None:
    """Show MLflow and Prefect in the browser, on 127.0.0.1, until Ctrl-C."""
    from flows.api import prefect_api
    from tasks.params import load_params
    from tasks.workspace import Workspace

    workspace = Workspace.here()
    seconds = load_params(workspace.params_file).pipeline.api_startup_seconds
    try:
        with (
            _mlflow_pages(workspace, seconds, mlflow_port) as (page, server),
            prefect_api(workspace, seconds, prefect_port) as api,
        ):
            print(f"MLflow   {page}")
            print(f"Prefect  {api.removesuffix('/api')}")
            print("Ctrl-C stops both", flush=True)
            while server is None or server.poll() is None:
                time.sleep(SECONDS_BETWEEN_LOOKS)
    except KeyboardInterrupt:
        return  # the wanted end, not an interruption
    raise _ended(workspace)


@contextmanager
def _mlflow_pages(
    workspace: "Workspace", seconds: float, port: int | None
) -> Iterator[tuple[str, "subprocess.Popen[bytes] | None"]]:
    """MLflow's server over the workspace's database; a remote one has pages of its own."""
    from flows.api import HOST, choose_port
    from flows.processes import stop_group
    from tasks.tracking import connect, tracking_uri

    uri = tracking_uri(workspace)
    if uri.startswith("http"):
        yield uri, None
        return
    chosen = choose_port(port)
    connect(workspace)  # says clearly what is wrong with the database
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    with (workspace.mlruns / "ui.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--host", HOST, "--port", str(chosen), "--workers", "1"],
            cwd=workspace.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        page = f"http://{HOST}:{chosen}"
        _wait_for(page, server, seconds, workspace)
        yield page, server
    finally:
        stop_group(server.pid, SECONDS_TO_STOP)
        server.wait()


def _wait_for(
    page: str, server: "subprocess.Popen[bytes]", seconds: float, workspace: "Workspace"
) -> None:
    from flows.api import silence

    until = time.monotonic() + seconds
    while silence(page, 1.0) is not None:
        if server.poll() is not None or time.monotonic() > until:
            raise _ended(workspace)
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _ended(workspace: "Workspace") -> Exception:
    from tasks.errors import CairnError

    return CairnError(f"MLflow's server ended; see {workspace.mlruns / 'ui.log'}")
