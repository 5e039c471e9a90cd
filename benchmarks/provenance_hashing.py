"""Hashing a large file and a tree of small ones, beside hashlib, model_signing and DVC.

Each call is a process of its own, all methods take turns, files are in the page cache. Cost is CPU
seconds of the call alone; for commands it is that of the whole process, start-up included.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.provenance_worker import cost_of

Costs = dict[str, list[dict[str, float]]]

SETTLE_S = 2.5
"""The stat cache does not remember files younger than two seconds."""

FILE_METHODS = ("ours verify", "hashlib sha256", "hashlib md5", "model_signing sign", "dvc add")
TREE_METHODS = (
    "ours first",
    "dvc add",
    "ours again",
    "dvc status",
    "model_signing sign",
    "ours verify",
)
BLOCK = 1 << 20


def large_file(scratch: Path, size: int, repeats: int) -> dict[str, Any]:
    """One file of `size` bytes: ours against SHA-256, MD5, model_signing and `dvc add`."""
    repo = _dvc_repo(scratch / "large", links="hardlink")  # nothing but hashing: no copy is made
    path = repo / "model.bin"
    _write(path, size)
    costs: Costs = {name: [] for name in FILE_METHODS}
    for _ in range(repeats):
        for name, line in costs.items():
            line.append(_call(name, path, scratch))
            if name == "dvc add":
                _forget(repo, path, size)
    ratios = {
        f"{peer} / ours": ratio(costs[peer], costs["ours verify"], "cpu")
        for peer in FILE_METHODS[1:]
    }
    return {"bytes": size, "repeats": repeats, "costs": summary(costs), "ratios": ratios}


def small_files(scratch: Path, count: int, size: int, repeats: int) -> dict[str, Any]:
    """A tree of `count` files: recorded first, and again unchanged."""
    source = scratch / "tree"
    generator = random.Random(1)  # noqa: S311  # content to hash, no secret
    for number in range(count):
        folder = source / f"{number // 100:04}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06}.bin").write_bytes(generator.randbytes(size))
    costs: Costs = {name: [] for name in TREE_METHODS}
    commands: Costs = {"ours again": [], "dvc status": [], "model_signing sign": []}
    for turn in range(repeats):
        repo = _dvc_repo(scratch / f"repo-{turn}")
        tree = Path(shutil.copytree(source, repo / "tree"))
        time.sleep(SETTLE_S)
        key = scratch / "key.pem"
        for name, line in costs.items():
            line.append(_call(name, tree, scratch))
            if name == "dvc add":
                time.sleep(SETTLE_S)
                _call("ours first", tree, scratch)  # dvc touched the files: remember them anew
        own = [sys.executable, "-m", "benchmarks.provenance_worker", "ours again"]
        commands["ours again"].append(_command([*own, str(tree), str(scratch)], Path.cwd()))
        status = [sys.executable, "-m", "dvc", "status"]
        commands["dvc status"].append(_command(status, repo))
        sign = ["model_signing", "sign", "key", "--private_key", str(key), "--signature"]
        sign = [str(Path(sys.executable).with_name(sign[0])), *sign[1:], f"{scratch}/s", str(tree)]
        commands["model_signing sign"].append(_command(sign, repo))
        shutil.rmtree(repo)
    pairs = [("dvc add", "ours first"), ("dvc status", "ours again")]
    pairs += [("model_signing sign", "ours again"), ("model_signing sign", "ours first")]
    return {
        "files": count,
        "bytes_each": size,
        "repeats": repeats,
        "costs": summary(costs),
        "commands": summary(commands),
        "ratios": {f"{a} / {b}": ratio(costs[a], costs[b], "wall") for a, b in pairs},
        "command_ratios": {
            f"{peer} / ours again": ratio(commands[peer], commands["ours again"], "wall")
            for peer in ("dvc status", "model_signing sign")
        },
        # What a person waits for the peer's command, over what ours adds to a running program.
        "command_over_call": {
            f"{peer} / ours again": ratio(commands[peer], costs["ours again"], "wall")
            for peer in ("dvc status", "model_signing sign")
        },
    }


def ratio(
    peer: Sequence[dict[str, float]], ours: Sequence[dict[str, float]], what: str
) -> dict[str, float]:
    """Peer over ours, turn by turn: median, lowest and highest."""
    found = [a[what] / max(b[what], 1e-9) for a, b in zip(peer, ours, strict=True)]
    return {"median": median(found), "low": min(found), "high": max(found)}


def summary(costs: Costs) -> dict[str, Any]:
    """Median and range of CPU and wall seconds a method."""
    return {
        name: {
            what: {
                "median": median(line[what] for line in lines),
                "low": min(line[what] for line in lines),
                "high": max(line[what] for line in lines),
            }
            for what in ("cpu", "wall")
        }
        for name, lines in costs.items()
    }


def _call(name: str, path: Path, scratch: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.provenance_worker", name, str(path), str(scratch)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=_quiet())
    cost: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return cost


def _command(command: list[str], folder: Path) -> dict[str, float]:
    def call() -> None:
        subprocess.run(
            command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=2, env=_quiet()
        )

    return cost_of(call)


def _quiet() -> dict[str, str]:
    return {**os.environ, "DVC_NO_ANALYTICS": "1"}


def _dvc_repo(folder: Path, links: str | None = None) -> Path:
    """An empty DVC repository that shares no cache with any other."""
    folder.mkdir(parents=True)
    settings = [["core.site_cache_dir", str(folder / "site")]]
    settings += [["cache.type", links]] if links else []
    _command([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], folder)
    for setting in settings:
        _command([sys.executable, "-m", "dvc", "config", *setting], folder)
    return folder


def _forget(repo: Path, path: Path, size: int) -> None:
    """Make DVC hash the file anew next time."""
    for place in (repo / ".dvc" / "cache", repo / "site"):
        shutil.rmtree(place, ignore_errors=True)
    path.with_name(path.name + ".dvc").unlink()
    path.unlink(missing_ok=True)
    _write(path, size)


def _write(path: Path, size: int) -> None:
    block = os.urandom(BLOCK)
    with path.open("wb") as file:
        for start in range(0, size, BLOCK):
            file.write(block[: min(BLOCK, size - start)])
