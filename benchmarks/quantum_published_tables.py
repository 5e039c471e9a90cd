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
TRAINED = {"dressed circuit": 4, "data re-uploading": 2}
"""On how many sets these shall come out."""
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
    head = ["model, set", "parameters", "steps", "ours", "published", "agrees"]
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
                    _agrees(line) if told else "",
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
        rows.append([f"{model} exactly", *_exact_aim(lines)])
    for model, wanted in TRAINED.items():
        found = _trained_aim(results["trained"][model], wanted)
        rows.append([f"{model} within the published error, {wanted} sets", *found])
    sets = {name for model in QUANTUM for name, test in _tests(results, model) if test >= WANTED}
    told = results["reuse"]
    once, each = told["once"]["circuits"], told["each"]["circuits"]
    saved = told["same"] and 2 * once <= each
    return [
        *rows,
        [f"a quantum model at {WANTED:.0%}", f"on {len(sets)} sets", _verdict(bool(sets))],
        ["half the circuits, same predictions", f"{once:,} for {each:,}", _verdict(saved)],
    ]


def _exact_aim(lines: Mapping[str, Any]) -> list[str]:
    found = [line["published_is_our"] for line in lines.values()]
    right, mixed = found.count("test"), found.count("train")
    note = f"; on {mixed} the published one is that of the training rows" if mixed else ""
    return [f"{right} of {len(found)} sets{note}", _verdict(right + mixed == len(found))]


def _trained_aim(lines: Mapping[str, Any], wanted: int) -> list[str]:
    within, to_the_digit = ([line[name] for line in lines.values()] for name in ("within", "exact"))
    missed = ", ".join(name for name, line in lines.items() if not line["within"])
    found = f"{sum(within)} of {len(within)} sets, {sum(to_the_digit)} of them exactly"
    return [found + (f"; not {missed}" if missed else ""), _verdict(sum(within) >= wanted)]


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


def _agrees(line: Mapping[str, Any]) -> str:
    if line["exact"]:
        return "exactly"
    return "within its error" if line["within"] else "no"


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
