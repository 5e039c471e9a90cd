"""The tables of docs/RESULTS.md that tell of quantum algorithms, and of large state vectors."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.table import interval

Rows = list[list[str]]


def checks(results: Mapping[str, Any]) -> Rows:
    """A row a figure: what was found, what theory says."""
    rows = [["figure", "found", "theory", "verdict"]]
    for one in results["checks"]:
        if "least" in one:
            theory = f"at least {one['least']:.6g}"
        else:
            theory = f"{one['theory']:.6g} within {one['within']:.2g}"
        rows.append([one["what"], f"{one['found']:.6g}", theory, _verdict(met=one["met"])])
    return rows


def queries(results: Mapping[str, Any]) -> Rows:
    """A row a problem: questions to the oracle, quantum and classical."""
    rows = [["problem", "probability of success", "theory", "questions", "classical", "fewer"]]
    told = results["queries"].items()
    for name, one in sorted(told, key=lambda row: (row[0].split(",")[0], row[1]["classical"])):
        rows.append(
            [
                name,
                f"{one['probability']:.6f}",
                f"{one['theory']:.6f}",
                f"{one['calls']:.4g}",
                f"{one['classical']:.4g}",
                f"{one['classical'] / one['calls']:.1f}x",
            ]
        )
    return rows


def clock(results: Mapping[str, Any]) -> Rows:
    """What the same search takes by the clock: the simulation has to do all the work itself."""
    told = results["clock"]
    slower = told["simulated"] / told["classical"]
    return [
        ["one of 1,024 items", "CPU ms"],
        ["Grover's search, 25 questions, simulated", f"{1e3 * told['simulated']:.3g}"],
        ["a loop over the items", f"{1e3 * told['classical']:.3g}"],
        ["simulated / loop", f"{slower:,.0f}x"],
    ]


def gradients(results: Mapping[str, Any]) -> Rows:
    """A row a way to make one gradient."""
    told = results["gradients"]
    rows = [[f"{told['parameters']} parameters, {told['qubits']} qubits", "circuits", "CPU ms"]]
    ways = ("adjoint", "parameter-shift")
    few, many = (told[way] for way in ways)
    for way, one in zip(ways, (few, many), strict=True):
        rows.append([way, str(one["circuits"]), f"{1e3 * one['seconds']:.1f}"])
    share = 1 - few["circuits"] / many["circuits"]
    gain = many["seconds"] / few["seconds"]
    return [*rows, ["saved by adjoint", f"{share:.1%}", f"{gain:.0f}x"]]


def chemistry(results: Mapping[str, Any]) -> Rows:
    """A row a molecule: energies at equilibrium, and the largest error along its bond."""
    told = results["chemistry"]
    rows = [
        [
            "molecule",
            "Hartree-Fock, Ha",
            "VQE, Ha",
            "exact, Ha",
            "VQE - exact, mHa",
            "largest along the bond, mHa",
        ]
    ]
    for name, length in (("H2", 0.7414), ("LiH", 1.5949)):
        curve = told["curves"][name]
        here = next(row for row in curve if row["bond"] == length)
        worst = max(curve, key=lambda row: row["energy"] - row["exact"])
        rows.append(
            [
                f"{name} at {length} angstrom",
                *(f"{here[key]:.7f}" for key in ("hartree_fock", "energy", "exact")),
                _milli(here),
                f"{_milli(worst)} at {worst['bond']}",
            ]
        )
    return rows


def optimisers(results: Mapping[str, Any]) -> Rows:
    """A row an optimiser: how near it comes on H2, by how many evaluations."""
    rows = [["H2, 3 parameters", "steps", "evaluations", "error, mHa"]]
    for name, one in results["chemistry"]["optimisers"].items():
        error = f"{1e3 * one['error']:.2g}"
        rows.append([name, str(one["steps"]), str(one["calls"]), error])
    return rows


def classifier(results: Mapping[str, Any]) -> Rows:
    """A row a pair of species: accuracy over folds."""
    told = results["classifier"]
    head = [f"iris, {told['folds']} folds", "variational classifier (95%)"]
    rows = [[*head, "logistic regression (95%)"]]
    for name, one in told["pairs"].items():
        cells = [interval(one[which], "mean") for which in ("variational", "logistic regression")]
        rows.append([name, *cells])
    return rows


def big(results: Mapping[str, Any]) -> Rows:
    """A row a number of qubits and a precision: time, memory, error."""
    rows = [
        [
            "qubits, precision",
            "CPU s",
            "gradient, CPU s (parameters)",
            "peak, GB",
            "predicted with a gradient, GB",
            "largest error",
        ]
    ]
    for name, one in results["runs"].items():
        rows.append(
            [
                name,
                f"{one['seconds']:.2g}",
                _slope(one),
                f"{one['peak'] / 1e9:.3f}",
                f"{one['predicted'] / 1e9:.3f}",
                f"{one['error']:.1g}",
            ]
        )
    refused = results["refused"]
    return [*rows, [f"{refused['qubits']}, double", "refused", "", "", refused["message"], ""]]


def _slope(one: Mapping[str, Any]) -> str:
    if one["gradient_seconds"] is None:
        return "not run"
    return f"{one['gradient_seconds']:.2g} ({one['parameters']})"


def _verdict(*, met: bool) -> str:
    return "met" if met else "missed"


def _milli(row: Mapping[str, float]) -> str:
    return f"{1e3 * (row['energy'] - row['exact']):.2g}"


ALGORITHM_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "quantum_algorithms": checks,
    "quantum_queries": queries,
    "quantum_clock": clock,
    "quantum_gradients": gradients,
    "quantum_chemistry": chemistry,
    "quantum_optimisers": optimisers,
    "quantum_classifier": classifier,
}
BIG_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {"quantum_big": big}
