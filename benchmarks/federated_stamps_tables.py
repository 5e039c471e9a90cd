"""The tables of docs/RESULTS.md that tell of federated rounds on the stamps."""

from collections.abc import Callable, Mapping
from typing import Any

Rows = list[list[str]]


def rounds(results: Mapping[str, Any]) -> Rows:
    """A row a strategy: rounds to the share of the centralised score, against FedAvg's."""
    most = results["most_rounds"]
    share = f"{results['share']:.0%}"
    rows = [["strategy", f"rounds to {share} of centralised, by seed", "FedAvg's rounds / its own"]]
    base = results["strategies"]["fedavg"]
    for name, line in results["strategies"].items():
        counts = [str(count) if count else f"not in {most}" for count in line["rounds"]]
        pairs = [
            (theirs, own)
            for seed, own in zip(line["seeds"], line["rounds"], strict=True)
            if (theirs := _of(base, seed)) and own
        ]
        ratio = " ".join(f"{theirs / own:.2f}" for theirs, own in pairs)
        rows.append([name, ", ".join(counts), ratio])
    return rows


def traffic(results: Mapping[str, Any]) -> Rows:
    """A row a way to travel: bytes, and what the model then scores on test rows."""
    rows = [["uploads and downloads", "MB up + down", "fewer", "accuracy (95%)", "of centralised"]]
    whole = results["traffic"]["none"]["megabytes"]
    central = results["central"]["accuracy"]
    for name, line in results["traffic"].items():
        of = line["accuracy"]
        rows.append(
            [
                name,
                f"{line['megabytes']:,.0f}",
                f"{1 - line['megabytes'] / whole:.1%}",
                f"{of['accuracy']:.3f} ({of['accuracy_low']:.3f} to {of['accuracy_high']:.3f})",
                f"{of['accuracy'] / central:.1%}",
            ]
        )
    return rows


def deployment(results: Mapping[str, Any]) -> Rows:
    """A row a way to run clients behind SuperNodes: seconds a round, and how many times faster."""
    rows = [["clients behind SuperNodes", "s a round (range)", "times faster (range)"]]
    for name, line in results["ways"].items():
        seconds, faster = (
            f"{line[key]:.1f} ({line[f'{key}_low']:.1f} to {line[f'{key}_high']:.1f})"
            for key in ("seconds", "times_faster")
        )
        rows.append([WAYS.get(name, name), seconds, faster])
    return rows


WAYS = {"flower": "Flower's own: a fresh process with torch for every message"}


def _of(line: Mapping[str, Any], seed: int) -> int | None:
    found: int | None = dict(zip(line["seeds"], line["rounds"], strict=True)).get(seed)
    return found


STAMPS_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "federated": rounds,
    "federated_traffic": traffic,
    "federated_deployment": deployment,
}
