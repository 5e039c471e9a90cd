"""Architecture search on the NAS-Bench-201 table: ours against Optuna's samplers and evolution.

    python -m benchmarks.search --table nasbench201_cifar10.csv.gz   # docs/results/search*.json

Every evaluation is a look into the table of all 15,625 cells: the validation accuracy on CIFAR-10
after 200 epochs (Dong & Yang, ICLR 2020) and measured latencies on devices (Lee et al., HELP,
NeurIPS 2021). The table is no part of the project: name where it lies. Ours was developed on this
table, on seeds from 100 on, and is judged on seeds 0 to 19 like all others.
"""

import argparse
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.nasbench import EDGES, OPERATIONS, SPACE, Cells, flops, hints, params, read
from benchmarks.search_tables import SEARCH_TABLES
from benchmarks.seeds import over_seeds
from benchmarks.table import keep, show
from models.search.evolution import evolve
from models.search.hypervolume import hypervolume, nadir
from models.search.pareto import front
from models.search.sampler import ModelSampler
from models.search.space import Point
from tasks.progress import say, track

ACCURACY_SEEDS = range(20)
ACCURACY_TRIALS = 100
FRONT_SEEDS = range(10)
FRONT_TRIALS = 200
POPULATION = 10
"""NSGA-II's; Optuna's default of 50 leaves two generations."""
LOWEST = 80.0
"""The tight reference point's accuracy: cells below it are of no use on any device."""
LENIENT = (0.0, 100.0)
"""The lenient one: no accuracy and 100 ms."""
Sampler = Callable[[int], optuna.samplers.BaseSampler]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--devices", nargs="+", help="of the table, for fronts; all if left out")
    asked = parser.parse_args()
    cells = read(asked.table)
    devices = asked.devices or list(cells.latency)
    if unknown := sorted(set(devices) - set(cells.latency)):
        parser.error(f"--devices {unknown}: the table has {list(cells.latency)}")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    with threadpool_limits(1):
        results = {
            "search_zero_cost": _zero_cost(cells),
            "search": _accuracy(cells),
            "search_fronts": _fronts(cells, devices),
        }
    for name, found in results.items():
        keep(name, found)
        head, *lines = SEARCH_TABLES[name](found)
        show(name, head, lines)


SAMPLERS: dict[str, Sampler] = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "NSGA-II": lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION),
    "TPE": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "ours, no hints": lambda seed: ModelSampler(space=SPACE, seed=seed),
    "ours": lambda seed: ModelSampler(space=SPACE, seed=seed, hints=hints),
}


def searched(
    sampler: optuna.samplers.BaseSampler,
    measure: Callable[[Point], Sequence[float]],
    directions: Sequence[str],
    trials: int,
) -> list[Point]:
    """The points that a sampler tries, in order."""
    study = optuna.create_study(sampler=sampler, directions=list(directions))
    points: list[Point] = []

    def objective(trial: optuna.Trial) -> Sequence[float]:
        point = SPACE.point({edge: trial.suggest_categorical(edge, OPERATIONS) for edge in EDGES})
        points.append(point)
        return measure(point)

    study.optimize(objective, n_trials=trials)
    return points


def _accuracy(cells: Cells) -> dict[str, Any]:
    def ways(name: str, seed: int) -> list[Point]:
        if name == "regularised evolution":
            tried = evolve(SPACE, lambda p: -cells.accuracy[p], trials=ACCURACY_TRIALS, seed=seed)
            return [point for point, _ in tried]
        return searched(
            SAMPLERS[name](seed), lambda p: [cells.accuracy[p]], ["maximize"], ACCURACY_TRIALS
        )

    names = ["random", "NSGA-II", "regularised evolution", "TPE", "ours, no hints", "ours"]
    best: dict[str, list[float]] = {name: [] for name in names}
    plan = [(name, seed) for name in names for seed in ACCURACY_SEEDS]
    for name, seed in track(plan, len(plan), "searches for accuracy"):
        best[name].append(max(cells.accuracy[point] for point in ways(name, seed)))
        if seed == ACCURACY_SEEDS[-1]:
            say(f"{name}: {np.mean(best[name]):.3f}")
    optimum = max(cells.accuracy.values())
    return {
        "trials": ACCURACY_TRIALS,
        "seeds": list(ACCURACY_SEEDS),
        "optimum": optimum,
        "methods": {
            name: over_seeds(found) | {"optimum_found": sum(value == optimum for value in found)}
            for name, found in best.items()
        },
    }


def _fronts(cells: Cells, devices: Sequence[str]) -> dict[str, Any]:
    names = {"random": "random", "NSGA-II": "NSGA-II", "MOTPE": "TPE", "ours": "ours"}
    plan = [(device, name, seed) for device in devices for name in names
            for seed in FRONT_SEEDS]  # fmt: skip
    exact = {device: cells.losses(device) for device in devices}
    references = {device: _references(losses) for device, losses in exact.items()}
    shares: dict[str, dict[str, dict[str, list[float]]]] = {
        device: {which: {name: [] for name in names} for which in references[device]}
        for device in devices
    }
    row = {point: place for place, point in enumerate(cells.accuracy)}
    for device, name, seed in track(plan, len(plan), "searches for fronts"):
        points = searched(
            SAMPLERS[names[name]](seed),
            lambda p, on=cells.latency[device]: (cells.accuracy[p], on[p]),  # type: ignore[misc]
            ["maximize", "minimize"],
            FRONT_TRIALS,
        )
        found = exact[device][[row[point] for point in points]]
        for which, reference in references[device].items():
            whole = hypervolume(exact[device], reference)
            shares[device][which][name].append(hypervolume(found, reference) / whole)
        if seed == FRONT_SEEDS[-1]:
            say(f"{device}, {name}: {np.mean(shares[device]['tight'][name]):.4f}")
    return {
        "trials": FRONT_TRIALS,
        "seeds": list(FRONT_SEEDS),
        "devices": {
            device: {
                "front": len(front(exact[device])),
                "references": {
                    which: {
                        "accuracy": -reference[0],
                        "milliseconds": reference[1],
                        "methods": {n: over_seeds(v) for n, v in shares[device][which].items()},
                    }
                    for which, reference in references[device].items()
                },
            }
            for device in devices
        },
    }


def _references(losses: NDArray[np.float64]) -> dict[str, tuple[float, float]]:
    """As losses. Tight: 80 %, and the latency of the most accurate cell; the front's own nadir."""
    worst = nadir(losses)
    return {
        "tight": (-LOWEST, float(worst[1])),
        "nadir": (float(worst[0]), float(worst[1])),
        "lenient": (-LENIENT[0], LENIENT[1]),
    }


def _zero_cost(cells: Cells) -> dict[str, Any]:
    """Spearman's correlation with the accuracy of all cells."""
    accuracy = list(cells.accuracy.values())
    configs = [SPACE.config(point) for point in cells.accuracy]
    scores = {
        "params": [params(config) for config in configs],
        "FLOPs": [flops(config) for config in configs],
        "convolutions on live paths": [hints(config)[4] for config in configs],
    }
    found = {name: float(spearmanr(score, accuracy).statistic) for name, score in scores.items()}
    return {"cells": len(accuracy), "spearman": found}


if __name__ == "__main__":
    main()
