"""Programs from npm that slow tests use: installed once, outside the repository, as locked."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from blake3 import blake3

LOCK = Path(__file__).resolve().parent / "node"

_INSTALL_SECONDS = 300


def node_modules() -> Path:
    """A folder `node_modules` with everything of tests/node/package-lock.json.

    Kept in ~/.cache/cairn-tests (or $XDG_CACHE_HOME), one folder for each content of the lock file.
    Skips the test where node or npm is missing, the platform has no binaries, or npm fails.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip(f"the npm binaries are for linux x86_64, this is {platform.platform()}")
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cairn-tests"
    digest = blake3((LOCK / "package-lock.json").read_bytes()).hexdigest()[:16]
    done = cache / f"node-{digest}"
    if not (done / "node_modules").is_dir():
        _install(npm, cache / f"making-{digest}-{os.getpid()}", done)
    return done / "node_modules"


def _install(npm: str, making: Path, done: Path) -> None:
    making.mkdir(parents=True)
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(LOCK / name, making)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            end = subprocess.run(
                command, cwd=making, capture_output=True, text=True, timeout=_INSTALL_SECONDS
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm ci took longer than {_INSTALL_SECONDS} s")
        if end.returncode != 0:
            pytest.skip(f"npm ci failed, is the registry reachable? {end.stderr[-300:]}")
        try:
            making.rename(done)
        except OSError:  # another test process was first
            assert (done / "node_modules").is_dir()
    finally:
        shutil.rmtree(making, ignore_errors=True)


def run_node(script: Path | str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script (a file, or its text) with node; `require` finds the installed packages."""
    modules = node_modules()
    call = ["node", str(script)] if isinstance(script, Path) else ["node", "-e", script, "--"]
    return subprocess.run(
        [*call, *map(str, arguments)],
        cwd=modules.parent,
        env={**os.environ, "NODE_PATH": str(modules)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def pinned(package: str) -> str:
    """The version that the lock file pins."""
    lock = json.loads((LOCK / "package-lock.json").read_text())
    version: str = lock["packages"][f"node_modules/{package}"]["version"]
    return version
