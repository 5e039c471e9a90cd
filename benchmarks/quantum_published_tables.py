"""The tables of docs/RESULTS.md that hold published accuracies against those found here."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Rows = list[list[str]]
FAMILIES = {
    "linearly separable": ("linearly_separable_", ""),
    "hidden manifold": ("hidden_manifold-6manifold-", ""),
    "two curves": ("two_curves-5degree-", ""),
    "two curves, degrees": ("two_curves-10d-", "degree"),
}
"""A family's sets begin and end like this."""
QUANTUM = ("separable kernel", "IQP kernel", "dressed circuit", "data re-uploading")
WANTED = 0.95


def exact(results: Mapping[str, Any]) -> Rows:
    """A row a model and family: on how many sets the published accuracy comes out to the digit."""
    rows = [["model, family", "sets listed", "exact", "exact on training rows", "neither"]]
    for model, lines in results["exact"].items():
        for family in FAMILIES:
            found = [line["published_is_our"] for name, line in lines.items() if _in(name, family)]
            counts = [found.count(which) for which in ("test", "train", "neither")]
            rows.append([f"{model}, {family}", str(len(found)), *map(str, counts)])
    return rows


def trained(results: Mapping[str, Any]) -> Rows:
    """A row a model and set: mean and deviation over seeds, ours and published."""
    head = ["model, set", "parameters", "steps", "ours", "published", "within its error"]
    rows = [[*head, "SVC, ours", "MLP, published", "CPU s a seed"]]
    for model, lines in results["trained"].items():
        for name, line in lines.items():
            told = "published" in line
            steps = sorted(run["steps"] for run in line["runs"])
            spent = sum(run["cpu_seconds"] for run in line["runs"]) / len(line["runs"])
            rows.append(
                [
                    f"{model}, {name}",
                    str(line["parameters"]),
                    f"{steps[0]} to {steps[-1]}",
                    f"{line['mean']:.3f} ± {line['deviation']:.3f}",
                    f"{line['published']:.3f} ± {line['published_deviation']:.3f}" if told else "",
                    ("yes" if line["within"] else "no") if told else "",
                    f"{results['exact']['SVC'][name]['test']:.3f}",
                    f"{line['published_mlp']:.3f}",
                    f"{spent:.1f}",
                ]
            )
    return rows


def reached(results: Mapping[str, Any]) -> Rows:
    """A row a model and family: sets on which it is right 95 times of 100, and SVC beside it."""
    rows = [["model, family", f"{WANTED:.0%} or more", "of", "SVC on the same", "best"]]
    for model in QUANTUM:
        for family in FAMILIES:
            found = {name: test for name, test in _tests(results, model) if _in(name, family)}
            if not found:
                continue
            svc = [results["exact"]["SVC"][name]["test"] >= WANTED for name in found]
            best = max(found, key=lambda name: found[name])
            count = sum(test >= WANTED for test in found.values())
            cells = [str(count), str(len(found)), str(sum(svc)), f"{found[best]:.3f} ({best})"]
            rows.append([f"{model}, {family}", *cells])
    return rows


def reuse(results: Mapping[str, Any]) -> Rows:
    """A row a way: circuits, accuracy, CPU seconds."""
    told = results["reuse"]
    rows = [[f"IQP kernel, {told['set']}", "circuits", "accuracy", "published", "CPU s simulated"]]
    for name, way in (("a state a sample, kept", "once"), ("a circuit an entry", "each")):
        line = told[way]
        cells = [f"{line['circuits']:,}", f"{line['accuracy']:.3f}", f"{told['published']:.3f}"]
        rows.append([name, *cells, f"{line['cpu_seconds']:.2f}"])
    saved = 1 - told["once"]["circuits"] / told["each"]["circuits"]
    return [*rows, ["saved", f"{saved:.1%}", "same" if told["same"] else "differs", "", ""]]


def aims(results: Mapping[str, Any]) -> Rows:
    """A row an aim: what was found, met or missed."""
    rows = [["aim", "found", "verdict"]]
    for model, lines in results["exact"].items():
        found = [line["published_is_our"] for line in lines.values()]
        right, mixed = found.count("test"), found.count("train")
        note = f"; {mixed} published ones are those of the training rows" if mixed else ""
        met = right + mixed == len(found)
        rows.append(
            [f"{model} exactly", f"{right} of {len(found)} sets{note}", "met" if met else "missed"]
        )
    for model, lines in results["trained"].items():
        told = {name: line["within"] for name, line in lines.items() if "within" in line}
        if told:
            missed = ", ".join(name for name, within in told.items() if not within)
            found_ = f"{sum(told.values())} of {len(told)} sets" + (
                f"; not {missed}" * bool(missed)
            )
            wanted = 2 if model == "data re-uploading" else len(told)
            met = sum(told.values()) >= wanted
            rows.append([f"{model} within the published error", found_, "met" if met else "missed"])
    sets = {name for model in QUANTUM for name, test in _tests(results, model) if test >= WANTED}
    told = results["reuse"]
    once, each = told["once"]["circuits"], told["each"]["circuits"]
    return [
        *rows,
        [f"a quantum model at {WANTED:.0%}", f"{len(sets)} sets", "met" if sets else "missed"],
        [
            "half of the circuits saved, same predictions",
            f"{once:,} instead of {each:,}",
            "met" if told["same"] and 2 * once <= each else "missed",
        ],
    ]


def _in(name: str, family: str) -> bool:
    start, end = FAMILIES[family]
    return name.startswith(start) and name.endswith(end)


def _tests(results: Mapping[str, Any], model: str) -> Iterator[tuple[str, float]]:
    if model in results["exact"]:
        for name, line in results["exact"][model].items():
            yield name, line["test"]
    else:
        for name, line in results["trained"][model].items():
            yield name, line["mean"]


PUBLISHED_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "quantum_published_exact": exact,
    "quantum_published_trained": trained,
    "quantum_published_reached": reached,
    "quantum_published_reuse": reuse,
    "quantum_published_aims": aims,
}
