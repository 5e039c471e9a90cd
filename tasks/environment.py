"""What a result depends on besides data and parameters: code, packages, interpreter."""

import os
import platform
import subprocess
from importlib import metadata

from provenance import Artifact
from tasks.workspace import Workspace

PATIENT = {"OMP_WAIT_POLICY": "passive"}
"""Threads that wait for each other sleep instead of spinning.

Where other programs work too, a spinning thread takes the core that the other one waits for.
Results do not change.
"""

RECORDED = (":(exclude)dvc.lock", ":(exclude)params.yaml", ":(exclude)policy.yaml")
"""Files that may differ from the commit: the pipeline itself writes dvc.lock while it runs, and
entries hold the section of params.yaml that a stage read and the whole policy in force."""

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # noise: our models are small and stay here
}


def prepare() -> None:
    """Set what libraries read when they are loaded; a value already set stays.

    None of them shall phone home, and their threads shall not spin. Call it before importing them.
    """
    for name, value in (QUIET | PATIENT).items():
        os.environ.setdefault(name, value)


def environment(workspace: Workspace) -> dict[str, str]:
    """Interpreter, packages and processor kind, as recorded with each run.

    Returns:
        python, torch and machine as text, and `lock`: the digest of requirements.lock, or "absent".
    """
    lock = workspace.root / "requirements.lock"
    return {
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "machine": platform.machine(),
        "lock": Artifact.of(lock).digest if lock.is_file() else "absent",
    }


def code_state(workspace: Workspace) -> dict[str, str | bool]:
    """The git commit and whether tracked files differ from it.

    Returns:
        `git`: the commit, or "absent" outside a git checkout; `dirty`: whether tracked files
        were changed since, other than those in RECORDED.
    """
    head = _git(workspace, "rev-parse", "HEAD")
    changed = _git(
        workspace, "status", "--porcelain", "--untracked-files=no", "--", ":/", *RECORDED
    )
    return {"git": head or "absent", "dirty": bool(changed)}


def _git(workspace: Workspace, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(workspace.root), *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
