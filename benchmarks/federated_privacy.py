"""Privacy: accuracy against epsilon at 8, 100 and 1,000 clients, and what audits find beside it.

    python -m benchmarks.federated_privacy      # prints the tables, writes docs/results

One task for all sizes: scikit-learn's make_classification, 10 classes, 32 features, 20 rows a
client, 2,000 to judge by; softmax regression, 10 rounds, everyone in every round, clip 1,
delta 1e-5. The noise multiplier of each epsilon is found by bisection with the accountant. Beside
it, in runs of their own: 400 canary clients over several runs (the last clients of each run), what
guesses about them prove about epsilon, and gradient inversion of single rows of digits.
"""

import argparse
import logging
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from scipy.optimize import brentq

from benchmarks.federated_audit_tables import inversions, privacy
from benchmarks.seeds import over_seeds
from benchmarks.table import keep, show
from models.federated.accountant import Accountant
from models.federated.audit.canary import told
from models.federated.audit.inversion import inversion
from models.federated.audit.membership import Training, membership
from models.federated.audit.shares import Task, digits_task, even_rows, split
from models.federated.audit.short import means
from models.federated.audit.stack import plan_for, trained
from models.federated.privacy import Level, Privacy
from models.federated.softmax import SoftmaxLearner, blank, judge

SEEDS = (0, 1, 2)
SIZES = {8: (4, 100), 100: (50, 8), 1000: (400, 1)}
"""Clients to canaries in a run and runs: 400 canaries each."""
EPSILONS = (1.0, 3.0, 10.0, 30.0, 100.0)
LEVELS: tuple[Level, ...] = ("central_dp", "local_dp")
TRAINING = Training(rounds=10, rate=0.1, epochs=5, batch_size=20)
ROWS, TEST, FEATURES, CLASSES = 20, 2000, 32, 10
CLIP, DELTA = 1.0, 1e-5
INVERTED: tuple[tuple[Level, float], ...] = (
    ("none", 0.0),
    ("local_dp", 0.005),
    ("local_dp", 0.02),
    ("local_dp", 0.1),
    ("central_dp", 1.0),
    ("secure_aggregation", 0.0),
    ("secure_aggregation+dp", 1.0),
)
VICTIMS = 10

Case = tuple[int, Level, float | None]
"""Clients, level, epsilon; None without noise."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--most-clients", type=int, default=max(SIZES))
    parser.add_argument("--keep", default="federated_privacy", help="name of the results")
    given = parser.parse_args()
    sizes = [size for size in SIZES if size <= given.most_clients]
    cases: list[Case] = [
        case
        for size in reversed(sizes)  # the longest first
        for case in (
            (size, "none", None),
            *((size, level, epsilon) for level in LEVELS for epsilon in EPSILONS),
        )
    ]
    with ProcessPoolExecutor(given.workers) as pool:
        inverted = pool.map(measure_inversion, INVERTED)
        lines = list(pool.map(measure, cases))
        results = {
            "task": "make_classification",
            "rounds": TRAINING.rounds,
            "rows": ROWS,
            "clip": CLIP,
            "delta": DELTA,
            "seeds": list(SEEDS),
            "lines": sorted(lines, key=lambda line: line["clients"]),
            "inversion": list(inverted),
            "bounds_below_claims": all(_below(line) for line in lines),
        }
    keep(given.keep, results)
    for title, rows in (("Privacy", privacy(results)), ("Inversion", inversions(results))):
        show(title, rows[0], rows[1:])


def measure(case: Case) -> dict[str, Any]:
    """Accuracy over seeds without canaries, then the audit."""
    logging.getLogger("flwr").setLevel(logging.ERROR)
    clients, level, epsilon = case
    setting = Privacy(level, CLIP, multiplier(epsilon) if epsilon else 0.0, delta=DELTA)
    slots, repeats = SIZES[clients]
    task = synthetic(clients, seed=0)
    shares = task.shares(even_rows(len(task.y), clients, seed=0))
    scores, member = membership(
        shares, setting, TRAINING, slots=slots, classes=CLASSES, seed=0, repeats=repeats
    )
    return {
        "clients": clients,
        "level": level,
        "epsilon": epsilon,
        "noise_multiplier": setting.noise_multiplier,
        "accuracy": over_seeds([_accuracy(clients, setting, seed) for seed in SEEDS]),
        "canary": {view: told(one, member, delta=DELTA) for view, one in scores.items()},
    }


def measure_inversion(case: tuple[Level, float]) -> dict[str, Any]:
    """Inversion of what the server sees of one row a client, mean over seeds and clients."""
    logging.getLogger("flwr").setLevel(logging.ERROR)
    level, noise = case
    found: dict[str, list[dict[str, float]]] = {}
    for seed in SEEDS:
        task = digits_task(seed)
        rows, labels = task.test_x[:VICTIMS], task.test_y[:VICTIMS]
        setting = Privacy(level, CLIP, noise, delta=DELTA)
        for view, each in inversion(rows, labels, setting, classes=10, seed=seed).items():
            found.setdefault(view, []).extend(each)
    epsilon = Accountant(Privacy(level, CLIP, noise, delta=DELTA)).epsilon(1) if noise else None
    return {"level": level, "noise_multiplier": noise, "epsilon_a_round": epsilon, **means(found)}


def multiplier(epsilon: float) -> float:
    """The noise multiplier that spends this epsilon in all rounds, from above."""

    def over(noise: float) -> float:
        spent = Accountant(Privacy("central_dp", CLIP, noise, delta=DELTA))
        return spent.epsilon(TRAINING.rounds) - epsilon

    return float(brentq(over, 0.05, 200.0, xtol=1e-6)) + 2e-6


def synthetic(clients: int, *, seed: int) -> Task:
    """Enough rows for so many clients, of the same distribution at every size."""
    from sklearn.datasets import make_classification

    made = 20_000 + TEST
    x, y = make_classification(
        made,
        n_features=FEATURES,
        n_informative=16,
        n_redundant=8,
        n_classes=CLASSES,
        n_clusters_per_class=1,
        class_sep=2.0,
        random_state=seed,
    )
    x = x / x.std()
    whole = split(x.astype(np.float32), y.astype(np.int64), test=TEST, seed=seed)
    mine = ROWS * clients
    return Task(whole.x[:mine], whole.y[:mine], whole.test_x, whole.test_y, CLASSES)


def _accuracy(clients: int, setting: Privacy, seed: int) -> float:
    task = synthetic(clients, seed=seed)
    learners = [
        SoftmaxLearner(f"c{i}", x, y, CLASSES, TRAINING.batch_size, TRAINING.epochs)
        for i, (x, y) in enumerate(task.shares(even_rows(len(task.y), clients, seed=seed)))
    ]
    plan = plan_for(setting, rounds=TRAINING.rounds, rate=TRAINING.rate, seed=seed)
    arrays = trained(learners, plan, blank(FEATURES, CLASSES))
    return judge(arrays, task.test_x, task.test_y)["accuracy"]


def _below(line: dict[str, Any]) -> bool:
    claim = line["epsilon"]
    return claim is None or all(
        view["epsilon_at_least"] <= claim for view in line["canary"].values()
    )


if __name__ == "__main__":
    main()
