"""Rows of the search tables; the first row of each is its head."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.table import interval

REFERENCES = ("tight", "nadir", "lenient")


def accuracy(results: Mapping[str, Any]) -> list[list[str]]:
    """A row a method: best accuracy found, and in how many searches it was the table's best."""
    seeds, trials = len(results["seeds"]), results["trials"]
    rows = [["method", f"best of {trials} (95%)", f"optimum {results['optimum']} found"]]
    for name, line in results["methods"].items():
        rows.append([name, _interval(line, 2), f"{line['optimum_found']} of {seeds}"])
    return rows


def fronts(results: Mapping[str, Any]) -> list[list[str]]:
    """A row a device and method: share of the exact front's volume, below each reference point."""
    rows = [["device", "method", *(f"{which} (95%)" for which in REFERENCES)]]
    for device, found in results["devices"].items():
        references = found["references"]
        for name in references["tight"]["methods"]:
            lines = [references[which]["methods"][name] for which in REFERENCES]
            rows.append([device, name, *(_interval(line, 4) for line in lines)])
    return rows


def zero_cost(results: Mapping[str, Any]) -> list[list[str]]:
    """A row a proxy."""
    rows = [["proxy", f"Spearman with accuracy, {results['cells']:,} cells"]]
    return rows + [[name, f"{value:.3f}"] for name, value in results["spearman"].items()]


def supernet(results: Mapping[str, Any]) -> list[list[str]]:
    """One row: rank correlations with training alone."""
    return [
        ["Kendall's tau (95%)", "noise", "steps"],
        [interval(results, "tau"), f"{results['noise_tau']:.3f}", str(results["steps"])],
    ]


def _interval(line: Mapping[str, float], digits: int) -> str:
    low, high = line["mean_low"], line["mean_high"]
    return f"{line['mean']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


SEARCH_TABLES: dict[str, Callable[[Mapping[str, Any]], list[list[str]]]] = {
    "search": accuracy,
    "search_fronts": fronts,
    "search_zero_cost": zero_cost,
    "supernet": supernet,
}
