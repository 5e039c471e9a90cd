"""What a round costs for 8, 100 and 1,000 clients: in process, and in Flower's Ray simulation.

    python -m benchmarks.federated_scale     # tables, and docs/results/federated_scale.json

Softmax regression on digits, an epoch a round; every client takes part in every round. Each run is
a process of its own and the two take turns. Start-up is the time from the call to the first
message at a client, imports excluded; a round's time is the median of the rounds after the first.
Memory is what the process, for Ray with all processes below it, grew by during the rounds; CPU
seconds are what all of them worked, which others that use the machine do not change. The load that
each run found is kept beside it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import psutil

from benchmarks.federated_data import CLASSES, PIXELS, digit_learner, digit_learners
from benchmarks.federated_tables import SCALE_TABLES
from benchmarks.table import keep, show
from models.federated.arrays import digest
from models.federated.client import client_app
from models.federated.grid import LocalGrid
from models.federated.plan import Plan, Round
from models.federated.ray_run import run_in_ray
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.softmax import blank
from models.federated.strategies import StrategySettings

CLIENTS = (8, 100, 1000)
WAYS = ("in process", "ray")
ROUNDS, REPEATS = 6, 3
CORES = 2
MIB = 2**20
FIGURES = ("start", "first_round", "round", "cpu", "total", "grown_mib", "load")
SPACING = 0.01
"""Seconds between looks at memory."""
FLAT_MIB = 16.0
"""More memory than this for 125 times as many clients would not be flat."""


def measure(way: str, clients: int) -> dict[str, Any]:
    """One run in this process."""
    digit_learners(clients)  # data are read before the clock starts; in Ray's processes, after
    ends: list[float] = []
    worked: list[float] = []

    def look(done: Round) -> None:
        if len(done.parts) != clients:
            raise RuntimeError(f"{len(done.parts)} of {clients} clients: {done.events[:3]}")
        if done.number == 1:
            worked.append(_worked())
        ends.append(time.perf_counter())
        if done.number == ROUNDS:
            worked.append(_worked())

    plan = Plan(
        rounds=ROUNDS,
        seed=0,
        rate=0.1,
        strategy=StrategySettings("fedavg"),
        selection=Selection("random", 1.0, 2),
    )
    server = Server(plan, blank(PIXELS, CLASSES), clients=clients, on_round=look)
    started = Started(server)
    app = client_app(digit_learner)
    with Memory(below=way == "ray") as memory:
        start = time.perf_counter()
        if way == "ray":
            run_in_ray(server, app, cores=CORES, patience=600)
        else:
            server.run(LocalGrid(app, clients))
        total = time.perf_counter() - start
    rounds = [after - before for before, after in pairwise(ends)]
    return {
        "start": started.at - start,
        "first_round": ends[0] - started.at,
        "round": statistics.median(rounds),
        "cpu": (worked[1] - worked[0]) / (ROUNDS - 1),
        "load": os.getloadavg()[0],
        "total": total,
        "grown_mib": memory.grown / MIB,
        "digest": digest(server.arrays),
    }


def _worked() -> float:
    """CPU seconds of this process and all below it."""
    own = psutil.Process()
    return sum(_of(process, lambda p: sum(p.cpu_times()[:2])) for process in _all(own))


def _all(own: psutil.Process) -> list[psutil.Process]:
    return [own, *own.children(recursive=True)]


def _of(process: psutil.Process, figure: Callable[[psutil.Process], float]) -> float:
    try:
        return figure(process)
    except psutil.NoSuchProcess:
        return 0.0  # it ended between the list and the look


class Started:
    """Notes when a server begins its first round: all nodes are there then."""

    def __init__(self, server: Server) -> None:
        self.at = 0.0
        server.reachable = self._asked

    def _asked(self, node: int, round_: int) -> bool:
        del node, round_
        self.at = self.at or time.perf_counter()
        return True


class Memory:
    """Resident memory of this process, and of those below it, at most, less that at the start."""

    def __init__(self, *, below: bool) -> None:
        self.below, self.grown = below, 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._base = self._now()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        # A look at many processes takes longer than one at this: it must not slow down the rounds.
        while not self._done.wait(SPACING * (50 if self.below else 1)):
            self.grown = max(self.grown, self._now() - self._base)

    def _now(self) -> float:
        own = psutil.Process()
        processes = _all(own) if self.below else [own]
        return sum(_of(process, lambda p: p.memory_info().rss) for process in processes)


def compare(repeats: int) -> dict[str, Any]:
    """Runs of both, in turns, and what follows from them."""
    found: dict[str, Any] = {}
    for clients in CLIENTS:
        runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        for _ in range(repeats):
            for way in WAYS:
                runs[way].append(_apart(way, clients))
                print(f"{clients} clients, {way}: {runs[way][-1]}", flush=True)
        digests = {run["digest"] for way in WAYS for run in runs[way]}
        pairs = zip(runs["ray"], runs["in process"], strict=True)
        line: dict[str, Any] = {
            way: {figure: spread([run[figure] for run in runs[way]]) for figure in FIGURES}
            for way in WAYS
        }
        line["ratio"] = spread([ray["round"] / here["round"] for ray, here in pairs])
        line["same"], line["digests"] = len(digests) == 1, sorted(digests)
        found[str(clients)] = line
    return {
        "clients": found,
        "aims": aims(found),
        "rounds": ROUNDS,
        "repeats": repeats,
        "cores": CORES,
    }


def aims(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What was aimed at, and whether it was reached by the medians."""
    few, most = (found[str(count)]["in process"] for count in (CLIENTS[0], CLIENTS[-1]))
    here, ray = most["round"]["median"], found["100"]["ray"]["round"]["median"]
    worked, their_work = most["cpu"]["median"], found["100"]["ray"]["cpu"]["median"]
    start = max(line["in process"]["start"]["high"] for line in found.values())
    theirs = min(line["ray"]["start"]["low"] for line in found.values())
    grown = most["grown_mib"]["median"] - few["grown_mib"]["median"]
    same = all(line["same"] for line in found.values())
    return {
        "1,000 clients in process no slower a round than Ray's 100": {
            "found": f"{here:.2f} s against {ray:.2f} s",
            "met": here <= ray,
        },
        "the same in CPU seconds, which the load on the machine does not change": {
            "found": f"{worked:.2f} s against {their_work:.2f} s",
            "met": worked <= their_work,
        },
        "start-up in process under 1 s": {
            "found": f"{start:.2f} s at most; Ray {theirs:.1f} s at least",
            "met": start < 1,
        },
        "memory flat in the number of clients": {
            "found": f"{grown:+.1f} MiB from {CLIENTS[0]} to {CLIENTS[-1]:,} clients",
            "met": grown < FLAT_MIB,
        },
        "same weights in process and in Ray": {
            "found": "to the bit" if same else "they differ",
            "met": same,
        },
    }


def spread(values: list[float]) -> dict[str, Any]:
    """Median, least and most, and the runs themselves."""
    middle = statistics.median(values)
    return {"median": middle, "low": min(values), "high": max(values), "runs": values}


def _apart(way: str, clients: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.federated_scale", "--way", way]
    quiet = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_LOG_LEVEL": "ERROR", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--clients", str(clients)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | quiet,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", choices=WAYS, help="measure one run in this process")
    parser.add_argument("--clients", type=int, default=CLIENTS[0])
    parser.add_argument("--repeats", type=int, default=REPEATS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measure(given.way, given.clients)))
        return
    results = compare(given.repeats)
    keep("federated_scale", results)
    for name in ("federated_scale", "federated_scale_aims"):
        head, *lines = SCALE_TABLES[name](results)
        show(name, head, lines)


if __name__ == "__main__":
    main()
