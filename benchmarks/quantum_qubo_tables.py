"""The tables of docs/RESULTS.md that tell of decisions as QUBO."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.table import interval

Rows = list[list[str]]


def solvers(results: Mapping[str, Any]) -> Rows:
    """A row a decision and solver, in the order in which they are asked."""
    rows = [
        [
            "decision, solver",
            "optimum found",
            "mean gap",
            "worst gap",
            "evaluations (median)",
            "seconds (median)",
        ]
    ]
    for decision, told in results["decisions"].items():
        count = told["instances"]
        for solver, line in told["solvers"].items():
            name = f"{decision}, {solver}"
            if not line["answered"]:
                rows.append([name, "refused", "", "", "", ""])
                continue
            missed = line["answered"] - line["feasible"]
            optimal = f"{line['optimal']} of {count}"
            gaps = [line["gap_percent"], line["worst_gap_percent"]]
            rows.append(
                [
                    name,
                    f"{optimal}, {missed} infeasible" if missed else optimal,
                    *("" if gap is None else f"{gap:.2f}%" for gap in gaps),
                    f"{line['evaluations']:,.0f}",
                    f"{line['seconds']:.3f}",
                ]
            )
    return rows


def depths(results: Mapping[str, Any]) -> Rows:
    """A row a form and number of layers: QAOA on 6 of 16 clients."""
    rows = [
        [
            "QAOA on 6 of 16 clients",
            "approximation ratio (95%)",
            "by chance",
            "meets the count",
            "ratio over all penalised states, by chance",
            "probability of the optimum, over chance",
            "circuits with gradients",
        ]
    ]
    for layers, line in results["depths"].items():
        rows.append(
            [
                f"Dicke start, XY mixer, p = {layers}",
                interval(line["ratio"], "mean"),
                f"{line['uniform_ratio']['mean']:.3f}",
                f"{line['feasible_share']['mean']:.1%}",
                "",
                f"{line['lift']['mean']:.1f}",
                f"{line['evaluations']['mean']:.0f}",
            ]
        )
    for layers, line in results["penalty"].items():
        rows.append(
            [
                f"penalty, X mixer, p = {layers}",
                interval(line["ratio"], "mean"),
                "",
                f"{line['feasible_share']['mean']:.1%}",
                f"{line['whole_ratio']['mean']:.3f}, {line['whole_chance']['mean']:.3f}",
                f"{line['lift']['mean']:.1f}",
                "",
            ]
        )
    return rows


def transfer(results: Mapping[str, Any]) -> Rows:
    """A row a number of layers: angles used again against angles of one's own."""
    rows = [
        [
            "layers",
            "ratio with given angles, 0 evaluations (95%)",
            "with angles of their own (95%)",
            "by chance",
            "difference (95%)",
            "evaluations saved over five instances",
        ]
    ]
    for layers, line in results["transfer"].items():
        rows.append(
            [
                f"p = {layers}",
                *(interval(line[key], "mean") for key in ("given", "own")),
                f"{line['chance']['mean']:.3f}",
                interval(line["difference"], "mean"),
                f"{line['saved']['mean']:.0%}",
            ]
        )
    return rows


QUBO_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "quantum_qubo": solvers,
    "quantum_qubo_depths": depths,
    "quantum_qubo_transfer": transfer,
}
