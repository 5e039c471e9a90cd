"""The log: durable appends beside bare fsync and SQLite, long logs beside an empty one, proofs."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from blake3 import blake3

from benchmarks.provenance_hashing import ratio
from benchmarks.provenance_worker import cost_of
from provenance import Log, verify
from provenance.proofs import consistency_proof, inclusion_proof
from provenance.receipt import make_receipt

BATCH = 1000
SINGLE = 200
"""Appends, or commits, in one turn of one method."""

Body = dict[str, Any]


def log_costs(scratch: Path, entries: int, repeats: int) -> dict[str, Any]:
    """Rates side by side, then a log of `entries` entries: one more append, verification, proofs.

    The key store lies in `scratch` too: nothing of the user's is read or written.
    """
    os.environ["CAIRN_KEYS"] = str(scratch / "keys")
    rates = _rates(scratch, repeats)
    long, root = scratch / "long" / ".provenance", scratch / "long"
    root.mkdir()
    log = Log.open(long)
    log.append(_body("first"))
    for start in range(0, entries, 10_000):
        log.append_many([_body(f"e{n}") for n in range(start, min(start + 10_000, entries))])
    appends = _appends(scratch, long, repeats)
    checks = [_verify(long, root) for _ in range(min(repeats, 3))]
    return {
        "entries": entries,
        "repeats": repeats,
        "rates": rates,
        "appends": appends,
        "verify_cpu": _spread([line["cpu"] for line in checks]),
        "verify_wall": _spread([line["wall"] for line in checks]),
        "proofs": _proofs(long),
        "bytes_an_entry": (long / "entries.jsonl").stat().st_size / log.head().checkpoint.size,
    }


def _body(name: str) -> Body:
    """What a stage logs, about: one artifact, made from that of the entry "first"."""
    digest = blake3(name.encode()).hexdigest()
    path = f"mlruns/stages/train/{int(digest[:8], 16) % 1000}.bin"
    source = {"path": "data/manifest.parquet", "blake3": blake3(b"first").hexdigest()}
    body: Body = {
        "kind": "run",
        "id": name,
        "stage": "train",
        "ts": "2026-01-01T00:00:00Z",
        # Not kept: verification reads the log alone, its artifacts are another benchmark's.
        "artifacts": [{"path": path, "blake3": digest, "size": 4096, "kept": False}],
        "params": {"epochs": 3, "rate": "0.001"},
    }
    if name == "first":
        return body | {"artifacts": [source | {"size": 4096, "kept": False}]}
    return body | {"inputs": [source | {"entry": 0}]}


def _rates(scratch: Path, repeats: int) -> dict[str, Any]:
    """Operations a second, methods in turns, all on the same disk."""
    found: dict[str, list[float]] = {
        name: [] for name in ("single", "batched", "fsync", "sqlite_full", "sqlite_batched")
    }
    for turn in range(repeats):
        folder = scratch / f"rates-{turn}"
        (folder / "log").mkdir(parents=True)
        log = Log.open(folder / "log" / ".provenance")
        log.append(_body("first"))  # keys are unlocked once a process
        one = [_body(f"s{n}") for n in range(SINGLE)]
        many = [[_body(f"b{n}-{m}") for m in range(BATCH)] for n in range(5)]
        lines = [json.dumps(body).encode() for body in one]
        more = lines * (5 * BATCH // SINGLE)
        calls: dict[str, tuple[int, Callable[[], object]]] = {
            "single": (SINGLE, partial(_append_each, log, one)),
            "batched": (5 * BATCH, partial(_append_batches, log, many)),
            "fsync": (SINGLE, partial(_fsync_each, folder / "bare", lines)),
            "sqlite_full": (SINGLE, partial(_sqlite, folder / "one.sqlite", lines, 1)),
            "sqlite_batched": (5 * BATCH, partial(_sqlite, folder / "many.sqlite", more, BATCH)),
        }
        for name, (count, call) in calls.items():
            found[name].append(count / cost_of(call)["wall"])
    pairs = {
        "single / fsync": ("single", "fsync"),
        "single / sqlite_full": ("single", "sqlite_full"),
    }
    pairs["batched / sqlite_batched"] = ("batched", "sqlite_batched")
    return {
        "per_second": {name: _spread(values) for name, values in found.items()},
        "ratios": {
            name: _spread([x / y for x, y in zip(found[a], found[b], strict=True)])
            for name, (a, b) in pairs.items()
        },
    }


def _append_each(log: Log, bodies: list[Body]) -> None:
    for body in bodies:
        log.append(body)


def _append_batches(log: Log, batches: list[list[Body]]) -> None:
    for batch in batches:
        log.append_many(batch)


def _append_fresh(folder: Path, body: Body) -> None:
    Log.open(folder).append(body)


def _fsync_each(path: Path, lines: list[bytes]) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for line in lines:
            os.write(fd, line)
            os.fsync(fd)
    finally:
        os.close(fd)


def _sqlite(path: Path, lines: list[bytes], batch: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("pragma journal_mode=wal")
        database.execute("pragma synchronous=full")  # each commit reaches the disk, as ours does
        database.execute("create table entries (line blob)")
        for start in range(0, len(lines), batch):
            database.execute("begin")
            database.executemany(
                "insert into entries values (?)", ((line,) for line in lines[start : start + batch])
            )
            database.execute("commit")


def _appends(scratch: Path, long: Path, repeats: int) -> dict[str, Any]:
    """Milliseconds of one append, to the long log and to an empty one, in turns."""
    opened: dict[str, list[dict[str, float]]] = {"long": [], "empty": []}
    fresh: dict[str, list[dict[str, float]]] = {"long": [], "empty": []}
    empty = scratch / "empty" / ".provenance"
    empty.parent.mkdir()
    logs = {"long": Log.open(long), "empty": Log.open(empty)}
    for log in logs.values():
        log.append(_body("first"))
        log.append(_body("warm"))
    for turn in range(4 * repeats):
        for name, log in logs.items():
            opened[name].append(cost_of(partial(log.append, _body(f"o{turn}"))))
    for turn in range(4 * repeats):
        for name, log in logs.items():
            fresh[name].append(cost_of(partial(_append_fresh, log.folder, _body(f"f{turn}"))))
    return {
        kind: {
            **{name: _spread([1000 * line["wall"] for line in lines[name]]) for name in lines},
            "ratio": median(line["wall"] for line in lines["long"])
            / median(line["wall"] for line in lines["empty"]),
            "ratios": ratio(lines["long"], lines["empty"], "wall"),
        }
        for kind, lines in (("open log", opened), ("opened for it", fresh))
    }


def _verify(folder: Path, root: Path) -> dict[str, float]:
    """Cost of a full verification, in a process of its own, imports excluded."""
    command = [sys.executable, "-m", "benchmarks.provenance_log", str(folder), str(root)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    cost: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return cost


def _proofs(folder: Path) -> dict[str, Any]:
    log = Log.open(folder)
    leaves = [bytes.fromhex(entry.hash) for entry in log.entries()]
    size = len(leaves)
    where = [0, size // 3, size // 2, size - 1]
    start = time.perf_counter()
    inclusion = max(32 * len(inclusion_proof(leaves, index, size)) for index in where)
    seconds = (time.perf_counter() - start) / len(where)
    return {
        "inclusion_bytes": inclusion,
        "consistency_bytes": max(
            32 * len(consistency_proof(leaves, old, size)) for old in _positive(where)
        ),
        "receipt_bytes": len(make_receipt(log, size // 3)),
        "inclusion_seconds": seconds,
    }


def _positive(sizes: list[int]) -> Iterator[int]:
    return (size for size in sizes if size > 0)


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": median(values), "low": min(values), "high": max(values)}


def _main(folder: str, root: str) -> None:
    report: list[Any] = []
    cost = cost_of(lambda: report.append(verify(Path(folder), Path(root))))
    if not report[0].ok:
        raise SystemExit(f"{folder} does not verify: {report[0].first}")
    print(json.dumps(cost))


if __name__ == "__main__":
    _main(*sys.argv[1:])
