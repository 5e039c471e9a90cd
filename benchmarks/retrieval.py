"""Retrieval on unseen groups: speech <-> text of the same language, picture <-> English caption.

    python -m benchmarks.retrieval         # prints a table, writes docs/results/retrieval.json

A fifth of the groups is the test; three such splits, each with its own training seed. Candidates
are the distinct contents of the test rows (texts: of one language). Settings come from params.yaml.
"""

from typing import Any

import pandas as pd
from sklearn.model_selection import GroupShuffleSplit

from benchmarks.data import Bench, fold
from benchmarks.heads import learn_heads, with_grams
from benchmarks.learn import learn
from benchmarks.parallel import bench, folds
from benchmarks.table import keep, show
from models.batches import Examples
from models.metrics import mean_over_groups
from models.retrieval import DIRECTIONS, Searchable, search

SEEDS = (0, 1, 2)
LANGUAGES = ("be", "bg", "ca", "el", "es", "fr", "ro", "ru")
"""The eight with a recording of most stamps; their recalls count alike in the mean."""
DEPTHS = (1, 5, 10)
SPOKEN = ("speech_to_text", "text_to_speech")


def main() -> None:
    table = pd.concat(folds(one, [(seed,) for seed in SEEDS], "splits"))
    results = _summary(bench(), table)
    keep("retrieval", results)
    _print(results)


def one(seed: int) -> pd.DataFrame:
    """One line a query of one split: method, direction, language, group, rank, candidates."""
    data = bench()
    cut = GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=seed)
    _, test = next(cut.split(data.group, groups=data.group))
    split = fold(data, test, seed=seed)
    grams = with_grams(split.examples)
    methods: dict[str, tuple[Searchable, Examples]] = {
        "two-layer heads": (learn_heads(split, grams, seed=seed), grams),
        "ours": (learn(data, split, seed=seed), split.examples),
    }
    lines = []
    for method, (model, examples) in methods.items():
        for direction in DIRECTIONS:
            for language in LANGUAGES if direction in SPOKEN else ("all",):
                rows = split.test
                if language != "all":
                    spoken = split.spec.languages.index(language)
                    rows = rows[examples.language[rows] == spoken]
                found = search(model, examples, rows, direction)
                if found is None:
                    continue
                lines.append(
                    pd.DataFrame(
                        {
                            "method": method,
                            "direction": direction,
                            "language": language,
                            "seed": seed,
                            "group": data.group[found.row],
                            "untouched": data.untouched[found.row],
                            "rank": found.rank,
                            "candidates": found.candidates,
                        }
                    )
                )
    return pd.concat(lines)


def _summary(data: Bench, table: pd.DataFrame) -> dict[str, Any]:
    methods: dict[str, Any] = {}
    for (method, direction), part in table.groupby(["method", "direction"], sort=True):
        line: dict[str, Any] = {
            "candidates": float(part.groupby("language")["candidates"].mean().mean())
        }
        # Languages count alike, so each query weighs as much as its language is rare.
        share = 1 / part.groupby(["seed", "language"])["rank"].transform("size")
        weight = (share / share.mean()).to_numpy()
        for depth in DEPTHS:
            hit = (part["rank"] <= depth).to_numpy(dtype=float)
            by_seed = part.assign(hit=hit).groupby(["seed", "language"])["hit"].mean()
            line |= mean_over_groups(
                hit * weight,
                part["group"].to_numpy(dtype=str),
                resamples=data.params.resamples,
                seed=data.params.seed,
            ).flat(f"r{depth}")
            line[f"r{depth}_untouched"] = float(
                by_language_mean(part.assign(hit=hit)[part["untouched"]])
            )
            line[f"r{depth}_per_split"] = by_seed.groupby("seed").mean().tolist()
        by_language = part.assign(r1=part["rank"] <= 1, r10=part["rank"] <= 10)
        line["by_language"] = {
            str(name): {"r1": float(own["r1"].mean()), "r10": float(own["r10"].mean())}
            for name, own in by_language.groupby("language", sort=True)
        }
        methods.setdefault(str(direction), {})[str(method)] = line
    return {"seeds": list(SEEDS), "test_share": 0.2, "directions": methods}


def by_language_mean(part: pd.DataFrame) -> float:
    """Mean of `hit`, splits and languages counting alike."""
    return float(part.groupby(["seed", "language"])["hit"].mean().mean())


def _print(results: dict[str, Any]) -> None:
    lines = []
    for direction, methods in results["directions"].items():
        for method, line in methods.items():
            recalls = [
                f"{line[f'r{d}']:.3f} ({line[f'r{d}_low']:.3f} to {line[f'r{d}_high']:.3f})"
                for d in DEPTHS
            ]
            lines.append([f"{direction}, {method}", f"{line['candidates']:.0f}", *recalls])
    show("Retrieval, 3 splits", ["query and target", "candidates", "R@1", "R@5", "R@10"], lines)


if __name__ == "__main__":
    main()
