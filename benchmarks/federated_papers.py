"""Figures of three papers again, with our clients, server and strategies.

    python -m benchmarks.federated_papers  # tables, and docs/results/federated_papers.json

(a) pFedMe's FedAvg on synthetic(0.5, 0.5); (b) FedProx with stragglers on synthetic(1, 1);
(c) SCAFFOLD and FedNova on quadratics, whose optimum is known. About half an hour on two cores;
`--only pfedme` runs one part and leaves the others in the file as they are.
"""

import argparse
import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.federated_data import CLASSES, FEATURES, Federation, split, synthetic
from benchmarks.federated_quadratics import quadratics
from benchmarks.federated_stragglers import Straggling
from benchmarks.federated_tables import PAPER_TABLES
from benchmarks.seeds import over_seeds
from benchmarks.table import RESULTS, keep, show
from models.federated.client import client_app
from models.federated.grid import LocalGrid
from models.federated.plan import Plan, Round
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.softmax import SoftmaxLearner, blank, judge
from models.federated.strategies import StrategySettings

SEEDS, PROX_SEEDS = (0, 1, 2, 3, 4), (0, 1, 2)
PFEDME_RATES = (0.005, 0.02)
PFEDME_ROUNDS, PROX_ROUNDS, LAST = 600, 200, 20
EPOCHS = 20
WAYS = {"fedavg": (0.0, True), "fedprox mu=0": (0.0, False), "fedprox mu=1": (1.0, False)}
"""Weight of the pull, and whether stragglers are dropped: FedAvg drops them, as in the paper."""
STRAGGLERS = (0.0, 0.5, 0.9)
PFEDME_PAPER = {"accuracy": 0.7762, "deviation": 0.0011}
"""Table 1 of https://arxiv.org/abs/2006.08848: FedAvg, strongly convex, synthetic."""
PROX_PAPER = {"gain": 0.22}
"""Abstract of https://arxiv.org/abs/1812.06127: at 90% stragglers, mean over five data sets."""


def pfedme(seed: int, rate: float) -> dict[str, float]:
    """100 users, 10 a round, 20 steps of 20 rows; data of seed 0, as the authors'."""
    data = split(synthetic(0.5, 0.5, users=100, times=5, seed=0), seed=seed)
    found: list[float] = []

    def look(done: Round) -> None:
        if done.number % 5 == 0:
            found.append(judge(done.arrays, data.test.x, data.test.y)["accuracy"])

    learners = _learners(data, batch_size=20, steps=20)
    plan = _plan(PFEDME_ROUNDS, seed, rate, StrategySettings("fedavg"), 0.1)
    _run(plan, learners, look)
    return {"best": max(found), "last": found[-1]}


def fedprox(seed: int, way: str, share: float) -> dict[str, float]:
    """30 devices, 10 a round, 20 epochs of batches of 10, a rate of 0.01; data of the same seed."""
    mu, dropped = WAYS[way]
    data = split(synthetic(1, 1, users=30, times=1, seed=seed), seed=seed)
    train, found = data.train, []

    def look(done: Round) -> None:
        if done.number > PROX_ROUNDS - LAST:
            accuracy = judge(done.arrays, data.test.x, data.test.y)["accuracy"]
            found.append((accuracy, judge(done.arrays, train.x, train.y)["loss"]))

    settings = StrategySettings("fedprox" if mu else "fedavg", mu=mu)
    learners = _learners(data, batch_size=10, epochs=EPOCHS)
    _run(
        _plan(PROX_ROUNDS, seed, 0.01, settings, 1 / 3),
        learners,
        look,
        lambda grid: Straggling(grid, share=share, epochs=EPOCHS, dropped=dropped, seed=seed),
    )
    accuracy, loss = np.array(found).T
    return {
        "accuracy": float(accuracy.mean()),
        "accuracy_last": float(accuracy[-1]),
        "loss": float(loss.mean()),
        "loss_spread": float(loss.std()),
    }


def _learners(data: Federation, **settings: Any) -> list[SoftmaxLearner]:
    return [
        SoftmaxLearner(f"user {i}", rows.x, rows.y, CLASSES, **settings)
        for i, rows in enumerate(data.clients)
    ]


def _plan(rounds: int, seed: int, rate: float, strategy: StrategySettings, fraction: float) -> Plan:
    selection = Selection("random", fraction, 1)
    return Plan(rounds=rounds, seed=seed, rate=rate, strategy=strategy, selection=selection)


def _run(
    plan: Plan,
    learners: list[SoftmaxLearner],
    look: Callable[[Round], None],
    around: Callable[[LocalGrid], Any] = lambda grid: grid,
) -> None:
    app = client_app(lambda context: learners[int(context.node_config["partition-id"])])
    server = Server(plan, blank(FEATURES, CLASSES), clients=len(learners), on_round=look)
    server.run(around(LocalGrid(app, len(learners))))


def _pfedme() -> dict[str, Any]:
    jobs = [(seed, rate) for rate in PFEDME_RATES for seed in SEEDS]
    found = dict(zip(jobs, _in_processes(pfedme, jobs), strict=True))
    lines = {
        f"rate {rate:g}": {
            figure: over_seeds([found[seed, rate][figure] for seed in SEEDS])
            for figure in ("best", "last")
        }
        for rate in PFEDME_RATES
    }
    return {"paper": PFEDME_PAPER, "lines": lines, "rounds": PFEDME_ROUNDS, "seeds": list(SEEDS)}


def _fedprox() -> dict[str, Any]:
    jobs = [
        (seed, way, share)
        for seed in PROX_SEEDS
        for way in WAYS
        for share in STRAGGLERS
        if way != "fedprox mu=0" or share  # without stragglers that is FedAvg
    ]
    found = dict(zip(jobs, _in_processes(fedprox, jobs), strict=True))
    lines: dict[str, Any] = {}
    for share in STRAGGLERS:
        for way in WAYS:
            if (0, way, share) in found:
                runs = [found[seed, way, share] for seed in PROX_SEEDS]
                lines[f"{share:.0%} {way}"] = {
                    figure: over_seeds([run[figure] for run in runs]) for figure in runs[0]
                }
    gains = {
        way: over_seeds(
            [
                found[seed, way, 0.9]["accuracy"] - found[seed, "fedavg", 0.9]["accuracy"]
                for seed in PROX_SEEDS
            ]
        )
        for way in ("fedprox mu=0", "fedprox mu=1")
    }
    kept = {"paper": PROX_PAPER, "lines": lines, "gains": gains}
    return {**kept, "rounds": PROX_ROUNDS, "last_rounds": LAST, "seeds": list(PROX_SEEDS)}


def _in_processes(work: Callable[..., dict[str, float]], jobs: list[Any]) -> list[dict[str, float]]:
    """Results in the order of the jobs."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        pending = [pool.submit(work, *job) for job in jobs]
        return [done.result() for done in pending]


PARTS = {"pfedme": _pfedme, "fedprox": _fedprox, "quadratics": quadratics}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=PARTS, help="run one part; the others stay as they are")
    only = parser.parse_args().only
    file = RESULTS / "federated_papers.json"
    results = json.loads(file.read_text(encoding="utf-8")) if only and file.exists() else {}
    for name, part in PARTS.items():
        if only in (None, name):
            results[name] = part()
            keep("federated_papers", results)
    for name, table in PAPER_TABLES.items():
        if name.removeprefix("federated_") in results:
            head, *lines = table(results)
            show(name, head, lines)


if __name__ == "__main__":
    main()
