"""Category accuracy on unseen groups: 3 grouped folds x 3 seeds, every subset, with baselines.

    python -m benchmarks.accuracy          # prints a table, writes docs/results/accuracy.json

Folds are StratifiedGroupKFold(3, shuffle=True, random_state=seed) over the rows that have a class.
Rows without one serve alignment only. Settings come from params.yaml; nothing is chosen here.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks.baselines import baselines
from benchmarks.data import Bench, fold
from benchmarks.learn import learn
from benchmarks.parallel import bench, folds
from benchmarks.table import interval, keep, show
from models.metrics import accuracy, confusion, macro_f1, mean_over_groups
from tasks.train.evaluate import predict

SEEDS = (0, 1, 2)
FOLDS = 3
OWN = {
    "image": "baseline image",
    "text": "baseline text",
    "audio": "baseline audio",
    "image+text": "baseline image+text",
    "image+audio": "baseline image",
    "text+audio": "baseline text",
    "fused": "baseline image+text",
}
"""The baseline that each subset of modalities must not fall below."""


class Tally:
    """Outcomes of every method over folds and seeds."""

    def __init__(self, rows: int) -> None:
        self.accuracy: dict[str, list[float]] = defaultdict(list)
        self.macro_f1: dict[str, list[float]] = defaultdict(list)
        self.right: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(rows))

    def add(self, name: str, guess: NDArray[np.int64], truth: NDArray[np.int64], rows: Any) -> None:
        table = confusion(guess, truth, int(max(guess.max(), truth.max())) + 1)
        self.accuracy[name].append(float(accuracy(table)))
        self.macro_f1[name].append(float(macro_f1(table)))
        self.right[name][rows] += guess == truth


def main() -> None:
    data = bench()
    labelled = np.flatnonzero(data.manifest["is_class"])
    names = data.manifest["label"].to_numpy(dtype=str)[labelled]
    tally = Tally(len(data.manifest))
    plan = [
        (labelled[test], seed)
        for seed in SEEDS
        for _, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(
            labelled, names, data.group[labelled]
        )
    ]
    for (test, _), outcome in zip(plan, folds(one, plan, "folds"), strict=True):
        for name, guess in outcome.guess.items():
            tally.add(name, guess, outcome.truth, test)
    results = _summary(data, labelled, tally)
    keep("accuracy", results)
    _print(results)


@dataclass(frozen=True)
class Outcome:
    """What every method said about the test rows of one fold, and what is true."""

    truth: NDArray[np.int64]
    guess: dict[str, NDArray[np.int64]]


def one(test: NDArray[np.int64], seed: int) -> Outcome:
    """Train and ask every method on one fold."""
    split = fold(bench(), test, seed=seed)
    found = {f"baseline {name}": chances for name, chances in baselines(split).items()}
    model = learn(bench(), split, seed=seed)
    found |= predict(model, split.examples, split.test)
    return Outcome(
        split.examples.label[split.test].numpy(),
        {name: chances.argmax(1) for name, chances in found.items()},
    )


def _summary(data: Bench, labelled: NDArray[np.int64], tally: Tally) -> dict[str, Any]:
    group = data.group[labelled]
    draw = {"resamples": data.params.resamples, "seed": data.params.seed}
    methods = {}
    for name, values in tally.accuracy.items():
        right = tally.right[name][labelled] / len(SEEDS)
        line: dict[str, Any] = mean_over_groups(right, group, **draw).flat("accuracy")
        line |= {"fold_deviation": float(np.std(values, ddof=1)), "per_fold": values}
        line |= {"macro_f1": float(np.mean(tally.macro_f1[name]))}
        if name in OWN:
            own = tally.right[OWN[name]][labelled] / len(SEEDS)
            line |= mean_over_groups(right - own, group, **draw).flat("gain")
            line["against"] = OWN[name]
        untouched = data.untouched[labelled]
        line |= mean_over_groups(right[untouched], group[untouched], **draw).flat("untouched")
        methods[name] = line
    facts = {"rows": len(labelled), "groups": len(np.unique(group)), "folds": FOLDS}
    return {**facts, "seeds": list(SEEDS), "methods": methods}


def _print(results: dict[str, Any]) -> None:
    lines = []
    for name, line in results["methods"].items():
        gain = f"{interval(line, 'gain')} vs {line['against']}" if "gain" in line else ""
        deviation = f"{line['fold_deviation']:.3f}"
        macro_f1, untouched = f"{line['macro_f1']:.3f}", f"{line['untouched']:.3f}"
        lines.append([name, interval(line, "accuracy"), deviation, macro_f1, untouched, gain])
    title = f"Category, {results['folds']} grouped folds x {len(results['seeds'])} seeds"
    columns = ["input", "accuracy (95%)", "folds +-", "macro-F1", "untouched", "gain (95%)"]
    show(title, columns, lines)


if __name__ == "__main__":
    main()
