"""What privacy costs in accuracy, and what audits find at that price."""

from collections.abc import Mapping, Sequence
from math import log
from typing import TYPE_CHECKING, Any

from tasks.train.figures.style import (
    BLUE,
    GREEN,
    INK,
    LINE,
    ORANGE,
    PINK,
    QUIET,
    canvas,
    headline,
    label,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, ORANGE, GREEN, PINK)
STROKES = {"central_dp": "-", "local_dp": "--"}
SEEN = {"model": "final model", "updates": "every update"}
VIEWS = {
    "upload": "one client's\nupload",
    "mean": "mean of\nall clients",
    "guess": "no update:\nothers' mean",
}


def privacy_figure(results: Mapping[str, Any]) -> "Figure":
    """Accuracy above, canary AUC below, over epsilon; a colour a size, a stroke a level.

    Args:
        results: as benchmarks/federated_privacy.py keeps them. The AUC is that of the strongest
            guesser: one who saw every update where the server must not be trusted.
    """
    lines = results["lines"]
    sizes = sorted({line["clients"] for line in lines})
    colours = {size: COLOURS[i % len(COLOURS)] for i, size in enumerate(sizes)}
    figure, (upper, lower) = canvas(7.5, 7.2, nrows=2, ncols=1, sharex=True)
    for size in sizes:
        for level, stroke in STROKES.items():
            own = [line for line in lines if (line["clients"], line["level"]) == (size, level)]
            own.sort(key=lambda line: line["epsilon"])
            if own:
                name = f"{level.replace('_dp', '')}, {size:,} clients"
                _accuracies(upper, own, name, colours[size], stroke)
                _aucs(lower, own, colours[size], stroke)
    for line in lines:
        if line["epsilon"] is None:
            upper.axhline(
                100 * line["accuracy"]["mean"],
                color=colours[line["clients"]],
                linestyle=":",
                linewidth=1,
            )
    lower.axhline(0.5, color=QUIET, linestyle=":", linewidth=1)
    for axes in (upper, lower):
        axes.set_xscale("log")
        axes.grid(color=LINE, linewidth=0.6)
    epsilons = sorted({line["epsilon"] for line in lines if line["epsilon"] is not None})
    lower.set_xticks(epsilons, [f"{epsilon:g}" for epsilon in epsilons])
    lower.minorticks_off()
    upper.set_ylabel("accuracy [%]", color=INK)
    upper.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    label(lower, f"epsilon after {results['rounds']} rounds, delta {results['delta']:g}", "")
    lower.set_ylabel("canary AUC", color=INK)
    headline(
        figure,
        _privacy_title(lines, max(sizes)),
        "Bands: 95% over seeds; bars: 95% of the AUC. Dotted above: without noise; below: a coin. "
        "Guessers saw the final model (central) or every update (local).",
    )
    return figure


def audit_figure(audit: Mapping[str, Any]) -> "Figure":
    """Canaries, the bound on epsilon that they prove, and gradient inversion, side by side.

    Args:
        audit: what models.federated.audit.audit_updates gives.
    """
    figure, (left, middle, right) = canvas(10.5, 3.8, nrows=1, ncols=3)
    canary, claim = audit["canary"], audit["privacy"]["epsilon"]
    names = [SEEN[view] for view in canary]
    for place, found in enumerate(canary.values()):
        ends = [found["auc_low"], found["auc_high"]]
        left.plot([place] * 2, ends, color=BLUE, linewidth=3, solid_capstyle="round")
        left.plot(place, found["auc"], "o", color=BLUE, markersize=9, markeredgecolor="white")
    left.axhline(0.5, color=QUIET, linestyle="--", linewidth=1)
    left.set_ylim(0.3, 1.03)
    _named(left, names, "the guesser saw", "canary AUC (0.5: a coin)")
    proved = [found["epsilon_at_least"] for found in canary.values()]
    _bars(middle, proved, ORANGE)
    if claim is not None:
        middle.axhline(claim, color=INK, linewidth=1.5)
        note = f"claimed: {claim:.3g}"
        middle.annotate(note, (-0.45, claim), (0, 3), textcoords="offset points", fontsize=9)
    middle.set_ylim(0, 1.2 * max([claim or 1.0, *proved]))
    _named(middle, names, "the guesser saw", "epsilon")
    cosines = [audit["inversion"][view]["cosine"] for view in VIEWS]
    _bars(right, cosines, GREEN)
    right.axhline(0, color=QUIET, linewidth=1)
    right.set_ylim(min(-0.1, *cosines) - 0.1, 1.15)
    _named(right, list(VIEWS.values()), "", "cosine of reconstruction and picture")
    headline(figure, _audit_title(audit), _audit_note(audit))
    return figure


def _accuracies(
    axes: "Axes", lines: Sequence[Mapping[str, Any]], name: str, colour: str, stroke: str
) -> None:
    x = [line["epsilon"] for line in lines]
    mean, low, high = (
        [100 * line["accuracy"][key] for line in lines] for key in ("mean", "mean_low", "mean_high")
    )
    axes.plot(x, mean, stroke, marker="o", markersize=4, color=colour, label=name)
    axes.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)


def _aucs(axes: "Axes", lines: Sequence[Mapping[str, Any]], colour: str, stroke: str) -> None:
    found = [line["canary"].get("updates", line["canary"]["model"]) for line in lines]
    value = [one["auc"] for one in found]
    below = [one["auc"] - one["auc_low"] for one in found]
    above = [one["auc_high"] - one["auc"] for one in found]
    x = [line["epsilon"] for line in lines]
    axes.errorbar(
        x, value, [below, above], fmt="o", linestyle=stroke, color=colour, markersize=4, capsize=2
    )


def _bars(axes: "Axes", heights: Sequence[float], colour: str) -> None:
    places = range(len(heights))
    axes.bar(places, heights, width=0.5, color=colour)
    for place, height in zip(places, heights, strict=True):
        axes.annotate(
            f"{height:.2f}",
            (place, max(height, 0)),
            (0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )


def _named(axes: "Axes", names: Sequence[str], x: str, y: str) -> None:
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_xlim(-0.6, len(names) - 0.4)
    label(axes, x, y)


def _privacy_title(lines: Sequence[Mapping[str, Any]], most: int) -> str:
    own = [line for line in lines if line["clients"] == most]
    bare = next(line["accuracy"]["mean"] for line in own if line["epsilon"] is None)
    near = [
        line["epsilon"]
        for line in own
        if line["level"] == "central_dp" and line["accuracy"]["mean"] >= bare - 0.02
    ]
    if not near:
        return f"No epsilon here keeps {most:,} clients within 2 points of no noise"
    return f"{most:,} clients stay within 2 points of no noise down to epsilon {min(near):g}"


def _audit_title(audit: Mapping[str, Any]) -> str:
    claim = audit["privacy"]["epsilon"]
    proved = max(found["epsilon_at_least"] for found in audit["canary"].values())
    if claim is None:
        return f"{audit['privacy']['level']}: nothing is claimed, epsilon is at least {proved:.2f}"
    verdict = "the claim stands" if proved <= claim else "THE CLAIM IS REFUTED"
    return f"Guesses prove epsilon of at least {proved:.2f}, claimed is {claim:.3g}: {verdict}"


def _audit_note(audit: Mapping[str, Any]) -> str:
    setting, found = audit["privacy"], next(iter(audit["canary"].values()))
    return (
        f"{setting['level']}, clip {setting['clip']:g}, noise {setting['noise_multiplier']:g}, "
        f"{audit['rounds']} rounds of {audit['task']} with {found['canaries']} canary clients. "
        f"No number of right guesses here could prove more than about {_most(found):.1f}."
    )


def _most(found: Mapping[str, Any]) -> float:
    """The bound if every guess were right, without the term in delta: log(q / (1 - q)) where q to
    the number of guesses is 0.05."""
    right: float = 0.05 ** (1 / found["guesses"])
    return log(right / (1 - right))
