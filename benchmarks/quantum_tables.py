"""The tables of docs/RESULTS.md that tell of the quantum head, and of the headlines."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.table import interval

Rows = list[list[str]]
SWEEPS = {
    "gradient_variance.": ("variance of a gradient at the start", "{:g} qubits"),
    "shots.": ("accuracy, measured a number of times", "{:g} shots"),
    "depolarising.": ("accuracy under depolarising noise", "p = {:g}"),
}
"""What metrics of the stage begin with, and what they say."""


def heads(results: Mapping[str, Any]) -> Rows:
    """A row a head: parameters, accuracies, and the quantum head's distance to it."""
    head = ["head", "parameters", "validation accuracy", "test accuracy"]
    rows = [[*head, "the quantum head minus it, points (95%)", "p, Holm"]]
    contrasts = {one["against"]: one for one in results["told"]["contrasts"]}
    for name, one in sorted(results["heads"].items(), key=lambda line: -line[1]["accuracy"]):
        validation = sum(one["validation"]) / len(one["validation"])
        cells = [name, f"{one['parameters']:,}", f"{validation:.3f}", f"{one['accuracy']:.3f}"]
        if (against := contrasts.get(name)) is None:
            rows.append([*cells, "", ""])
            continue
        points, low, high = (100 * against[key] for key in ("difference", "low", "high"))
        rows.append(
            [*cells, f"{points:+.1f} ({low:.1f} to {high:.1f})", f"{against['adjusted']:.3g}"]
        )
    return [*rows, ["most frequent class", "0", "", f"{results['commonest']:.3f}", "", ""]]


def device(results: Mapping[str, Any]) -> Rows:
    """A row a figure of the head on a device: by number of qubits, of shots, by noise."""
    rows = [["the trained head on a device", "at", "found"]]
    for start, (said, at) in SWEEPS.items():
        found = {
            float(name.removeprefix(start).removesuffix(".accuracy").removesuffix("_qubits")): value
            for name, value in results["device"].items()
            if name.startswith(start)
        }
        rows += [[said, at.format(key), f"{value:.3g}"] for key, value in sorted(found.items())]
    return rows


def headlines_table(results: Mapping[str, Any]) -> Rows:
    """A row a form of a headline: what was found, met or missed."""
    rows = [["headline", "in the form", "found", "verdict"]]
    for one in results["headlines"]:
        met = "met" if one["found"] >= one["wanted"] else "missed"
        rows.append([one["headline"], one["form"], _said(one), met])
    seconds, aim = results["seconds"], results["aim_seconds"]
    said = f"{seconds:.0f} s"
    cost = f"{results['cpu_cost']:.1f}x more"
    against = results["told"]["best_classical"]
    training = ["stage", f"CPU time of training the quantum head, over {against}'s", cost, ""]
    aims = [
        "stage",
        f"adds at most {aim:.0f} s to a run",
        said,
        "met" if seconds <= aim else "missed",
    ]
    return [*rows, training, aims]


def noise_table(results: Mapping[str, Any]) -> Rows:
    """A row a strength of the noise that heads meet."""
    told = f"trained at p = {results['trained']:g}"
    rows = [["noise met", "trained without noise (95%)", f"{told} (95%)", "difference (95%)"]]
    for p, one in results["strengths"].items():
        cells = (interval(one[name], "mean") for name in ("plain", "noisy", "gain"))
        rows.append([f"p = {p}", *cells])
    return rows


def _said(one: Mapping[str, Any]) -> str:
    found = one["found"]
    if one["unit"] == "share":
        return f"{found:.1%} less"
    if one["unit"] == "sets":
        return f"{found} sets"
    return f"{found:.1f}x fewer" if found >= 1 else f"{1 / found:,.0f}x more"


QUANTUM_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "quantum": heads,
    "quantum_device": device,
    "quantum_headlines": headlines_table,
}
NOISE_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {"quantum_noise": noise_table}
