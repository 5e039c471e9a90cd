"""The tables of docs/RESULTS.md on the speed of one training step."""

import statistics
from collections.abc import Callable, Mapping
from typing import Any

Rows = list[list[str]]
OURS = "ours"
PEERS = ("default.qubit", "lightning.qubit", "torchquantum", "qiskit-machine-learning")
SHOWN = {
    OURS: "this engine",
    "default.qubit": "PennyLane default.qubit, backprop",
    "lightning.qubit": "PennyLane lightning.qubit, adjoint",
    "torchquantum": "TorchQuantum",
    "qiskit-machine-learning": "Qiskit Machine Learning",
}
AIM = 4.0


def speed(results: Mapping[str, Any]) -> Rows:
    """A row a number of qubits and a batch: CPU milliseconds of a step, and the ratio."""
    rounds = results["rounds"]
    head = [f"fastest of them / this engine (lowest to highest of {rounds} rounds)", "by the clock"]
    rows = [["qubits, batch", *(f"{SHOWN[name]}, ms" for name in (OURS, *PEERS)), *head]]
    rows.extend(
        [
            f"{cell['qubits']}, {cell['batch']}",
            *(_time(cell["steps"].get(name)) for name in (OURS, *PEERS)),
            *(_range(ratios(cell, clock)) for clock in ("cpu", "wall")),
        ]
        for cell in results["cells"]
    )
    return rows


def aims(results: Mapping[str, Any]) -> Rows:
    """A row a number of qubits and a batch: whether it is as much faster as was aimed at."""
    rows = [["aim", "CPU", "by the clock", "lowest of all rounds", "verdict"]]
    for cell in results["cells"]:
        cpu, wall = (ratios(cell, clock) for clock in ("cpu", "wall"))
        middle = [statistics.median(found) for found in (cpu, wall)]
        rows.append(
            [
                f"{cell['qubits']} qubits, batch {cell['batch']}: at least {AIM:g}x faster than "
                f"the fastest, {SHOWN[fastest(cell)]}",
                *(f"{ratio:.1f}x" for ratio in (*middle, min(*cpu, *wall))),
                "met" if min(middle) >= AIM else "missed",
            ]
        )
    return rows


def ratios(cell: Mapping[str, Any], clock: str) -> list[float]:
    """Of each round: the fastest peer's time over ours."""
    timed = [cell["steps"][name][clock] for name in PEERS if _timed(cell["steps"].get(name))]
    return [
        min(times[at] for times in timed if at < len(times)) / own
        for at, own in enumerate(cell["steps"][OURS][clock])
    ]


def fastest(cell: Mapping[str, Any]) -> str:
    """The peer of the shortest time."""
    timed = {name: cell["steps"].get(name) for name in PEERS}
    return min(
        (name for name, one in timed.items() if _timed(one)),
        key=lambda name: statistics.median(cell["steps"][name]["cpu"]),
    )


def _timed(one: Mapping[str, Any] | None) -> bool:
    return one is not None and "over" not in one


def _time(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return "not run"
    if "over" in one:
        return f"over {one['over']:g} s"
    spent = 1e3 * statistics.median(one["cpu"])
    shown = f"{spent:,.0f}" if spent >= 100 else f"{spent:.3g}"
    return f"{shown} (one step)" if one["steps"] == 1 else shown


def _range(found: list[float]) -> str:
    return f"{statistics.median(found):.1f}x ({min(found):.1f} to {max(found):.1f})"


SPEED_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "quantum_speed": speed,
    "quantum_speed_aims": aims,
}
