"""The tables of docs/RESULTS.md that tell of papers run again, of scale and of Bulyan's time."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.table import interval

Rows = list[list[str]]


def pfedme(results: Mapping[str, Any]) -> Rows:
    """A row a learning rate, the paper's first."""
    told = results["pfedme"]
    rows = [["FedAvg on synthetic(0.5, 0.5)", "best of the rounds (95%)", "last round (95%)"]]
    paper = told["paper"]
    rows.append(["paper", f"{paper['accuracy']:.4f} ± {paper['deviation']:.4f}", ""])
    for name, line in told["lines"].items():
        rows.append([name, interval(line["best"], "mean"), interval(line["last"], "mean")])
    return rows


def fedprox(results: Mapping[str, Any]) -> Rows:
    """A row a share of stragglers and way to treat them; then what FedProx gains."""
    told = results["fedprox"]
    last = told["last_rounds"]
    head = ["stragglers, strategy", f"accuracy, last {last} rounds (95%)"]
    rows = [[*head, f"training loss, last {last} rounds (95%)", "its spread over those rounds"]]
    for name, line in told["lines"].items():
        cells = [interval(line[figure], "mean") for figure in ("accuracy", "loss")]
        rows.append([name, *cells, f"{line['loss_spread']['mean']:.3f}"])
    for way, gain in told["gains"].items():
        rows.append([f"gain of {way} at 90%", interval(gain, "mean"), "", ""])
    paper = f"{told['paper']['gain']:.2f} on average over five data sets"
    return [*rows, ["gain that the paper claims", paper, "", ""]]


def quadratics(results: Mapping[str, Any]) -> Rows:
    """A row a case: how far from the optimum it ends."""
    lines = results["quadratics"]["lines"]
    return [["case", "distance to the optimum"], *([k, f"{v:.2g}"] for k, v in lines.items())]


def scale(results: Mapping[str, Any]) -> Rows:
    """A row a number of clients: in process against Ray; then what was aimed at."""
    rows = [
        [
            "clients",
            "in process: s a round (range)",
            "Ray: s a round (range)",
            "Ray / in process (range)",
            "CPU s a round, in process (range)",
            "CPU s a round, Ray (range)",
            "in process: start, s (range)",
            "Ray: start, s (range)",
            "in process: MiB grown",
            "same weights",
        ]
    ]
    for clients, line in results["clients"].items():
        here, ray = line["in process"], line["ray"]
        rows.append(
            [
                clients,
                ranged(here["round"], 3),
                ranged(ray["round"], 3),
                ranged(line["ratio"], 1),
                ranged(here["cpu"], 3),
                ranged(ray["cpu"], 3),
                ranged(here["start"], 2),
                ranged(ray["start"], 1),
                ranged(here["grown_mib"], 1),
                "yes" if line["same"] else "no",
            ]
        )
    return rows


def scale_aims(results: Mapping[str, Any]) -> Rows:
    """A row an aim: what was found, met or missed."""
    rows = [["aim", "found", "verdict"]]
    for name, aim in results["aims"].items():
        rows.append([name, aim["found"], "met" if aim["met"] else "missed"])
    return rows


def bulyan(results: Mapping[str, Any]) -> Rows:
    """A row a size: seconds of three rules, and ours against Multi-Krum."""
    head = ["clients x parameters", "Multi-Krum, CPU s", "Bulyan, CPU s", "Flower's Bulyan, CPU s"]
    rows = [[*head, "Bulyan / Multi-Krum (range)", "Flower's / Bulyan (range)"]]
    for name, line in results["sizes"].items():
        seconds = [
            ranged(line[rule], 2) if rule in line else "not run"
            for rule in ("multi_krum", "bulyan", "flower")
        ]
        gained = ranged(line["gained"], 1) if "gained" in line else ""
        rows.append([name, *seconds, ranged(line["ratio"], 2), gained])
    return rows


def ranged(line: Mapping[str, float], digits: int) -> str:
    """`0.44 (0.41 to 0.52)`: the median, least and most."""
    median, low, high = (f"{line[key]:.{digits}f}" for key in ("median", "low", "high"))
    return f"{median} ({low} to {high})"


PAPER_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "federated_pfedme": pfedme,
    "federated_fedprox": fedprox,
    "federated_quadratics": quadratics,
}
SCALE_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "federated_scale": scale,
    "federated_scale_aims": scale_aims,
    "federated_bulyan": bulyan,
}
