"""The tables of docs/RESULTS.md that tell of compression; the first row of each is its head."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.table import interval

Rows = list[list[str]]


def models(results: Mapping[str, Any]) -> Rows:
    """A row a model: what it weighs, costs and loses; the teacher first."""
    head = ["model", "MB", "CPU ms", "times faster (range)", "RSS MB", "accuracy", "R@10"]
    rows = [[*head, "accuracy lost % (95%)", "R@10 lost % (95%)"]]
    base = results["teacher"]
    rows.append(
        ["teacher, fp32 eager torch", *_costs(base, 1.0), *_quality(base), "", ""],
    )
    for name, line in results["models"].items():
        lost = [_percent(line, f"{figure}_loss") for figure in ("accuracy", "r10")]
        rows.append([name, *_costs(line, None), *_quality(line), *lost])
    return rows


def targets(results: Mapping[str, Any]) -> Rows:
    """A row one of our models: each target with what was found, met or missed."""
    found = results["targets"]
    names = list(next(iter(found.values()))) if found else []
    wanted = [next(iter(found.values()))[name]["wanted"] for name in names]
    rows = [["model", *wanted, "all together"]]
    for model, verdicts in found.items():
        cells = []
        for name in names:
            value = verdicts[name]["found"]
            shown = f"{value:.2f}" if name == "faster" else f"{100 * value:.1f}%"
            cells.append(f"{'met' if verdicts[name]['met'] else 'missed'}: {shown}")
        met = sum(verdicts[name]["met"] for name in names)
        rows.append([model, *cells, "met" if met == len(names) else f"{met} of {len(names)}"])
    return rows


def dominance(results: Mapping[str, Any]) -> Rows:
    """A row a peer: which of ours are better all around, and which of ours it beats."""
    rows = [["peer", "dominated by ours", "dominates of ours", "what it left in fp32"]]
    for name, line in results["dominance"].items():
        notes = results["models"][name]["notes"]
        left = "; ".join(note.partition(" stays fp32")[0] for note in notes if "stays fp32" in note)
        cells = [", ".join(line[key]) or "none" for key in ("dominated_by", "dominates")]
        rows.append([name, *cells, left])
    return rows


def distillation(results: Mapping[str, Any]) -> Rows:
    """A row a way of teaching the same student: mean over seeds with 95% t-interval."""
    figures = results["figures"]
    rows = [["student", *(f"{words} (95%)" for words in figures.values())]]
    for name, line in results["ways"].items():
        rows.append([name, *(interval(line[figure], "mean") for figure in figures)])
    for name, line in results["differences"].items():
        rows.append([name, *(interval(line[figure], "mean") for figure in figures)])
    return rows


def _costs(line: Mapping[str, Any], faster: float | None) -> list[str]:
    ratio = f"{line['faster']:.2f} ({line['faster_low']:.2f} to {line['faster_high']:.2f})"
    return [
        f"{line['bytes'] / 1e6:.2f}",
        f"{line['cpu_ms']:.1f}",
        ratio if faster is None else f"{faster:.2f}",
        f"{line['rss_bytes'] / 1e6:.0f}",
    ]


def _quality(line: Mapping[str, Any]) -> list[str]:
    return [f"{line['accuracy']:.3f}", f"{line['r10']:.3f}"]


def _percent(line: Mapping[str, Any], name: str) -> str:
    low, high = 100 * line[f"{name}_low"], 100 * line[f"{name}_high"]
    return f"{100 * line[name]:.1f} ({low:.1f} to {high:.1f})"


COMPRESSION_TABLES: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "compression": models,
    "compression_targets": targets,
    "compression_dominance": dominance,
    "distillation": distillation,
}
