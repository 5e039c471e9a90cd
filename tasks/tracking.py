"""The one place that tells MLflow where its database and artifacts are."""

import logging
import os
import sqlite3
from pathlib import Path
from types import ModuleType

from provenance import Log
from tasks.environment import prepare
from tasks.errors import BusyError, InputError
from tasks.progress import say
from tasks.workspace import Workspace

EXPERIMENT = "cairn"
NEW_DATABASE = "CAIRN_NEW_MLFLOW_DB"
PATIENCE_SECONDS = 10.0  # a run of another checkout may write for a moment


def tracking_uri(workspace: Workspace) -> str:
    """MLFLOW_TRACKING_URI where it is set (a server, Postgres), else the workspace's database."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{workspace.mlruns / 'mlflow.db'}"


def connect(workspace: Workspace) -> ModuleType:
    """Point MLflow at the workspace's database and experiment, making both at first use.

    Returns:
        the `mlflow` module, ready for use.

    Raises:
        InputError: the database is gone although runs were recorded.
        BusyError: another process holds the database.
    """
    prepare()
    # Imported here: it costs seconds, and reads the variables set above while it is imported.
    import mlflow

    # It says at every run that it starts, stops and finds no GPU.
    logging.getLogger("mlflow.system_metrics").setLevel(logging.WARNING)
    uri = tracking_uri(workspace)
    if uri.startswith("sqlite:///"):
        _check_database(workspace, uri)
    _point(mlflow, uri)
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        location = None if uri.startswith("http") else str(workspace.mlruns / "artifacts")
        mlflow.create_experiment(EXPERIMENT, artifact_location=location)
    mlflow.set_experiment(EXPERIMENT)
    module: ModuleType = mlflow
    return module


def _point(mlflow: ModuleType, uri: str) -> None:
    """Set the URI, but keep MLflow from writing MLFLOW_TRACKING_URI: that one is the user's."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    if before is not None:
        os.environ["MLFLOW_TRACKING_URI"] = before


def _check_database(workspace: Workspace, uri: str) -> None:
    path = Path(uri.removeprefix("sqlite:///"))
    if not path.exists():
        runs = _logged_runs(workspace)
        if runs and not os.environ.get(NEW_DATABASE):
            raise InputError(
                f"{path} is missing, but the log holds {runs} runs tracked in it: put it "
                f"back from a copy, or set {NEW_DATABASE}=1 to start tracking anew (the log stays)"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        say(f"making the MLflow database {path} (a few seconds, once)")
        return
    connection = sqlite3.connect(path, timeout=PATIENCE_SECONDS)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()
    except sqlite3.OperationalError as error:
        raise BusyError(
            f"{path}: {error}; another process is writing to it: wait for it, or stop it"
        ) from None
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"{path} is not a usable database ({error}): put it back from a copy"
        ) from None
    finally:
        connection.close()


def _logged_runs(workspace: Workspace) -> int:
    if not workspace.provenance.exists():
        return 0
    log = Log.open(workspace.provenance, create=False)
    return sum(entry.body["kind"] == "run" for entry in log.entries())
