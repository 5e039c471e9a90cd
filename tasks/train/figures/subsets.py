"""How well the model does with any of its modalities missing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from models.metrics import Interval
from tasks.train.evaluate import FUSED
from tasks.train.figures.style import BLUE, LINE, ORANGE, QUIET, canvas, headline, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALL = "image+text+audio"


def subsets_figure(accuracy: Mapping[str, Interval], majority: float) -> "Figure":
    """A dot and its interval for each subset of modalities, best on top.

    Args:
        accuracy: subset such as "image+text", or "fused" for all, to accuracy 0 to 1 with its 95%
            interval.
        majority: accuracy of always naming the most frequent class.
    """
    ranked = sorted(accuracy.items(), key=lambda pair: pair[1].value)
    figure, axes = canvas(7.5, 1.6 + 0.45 * len(ranked))
    for place, (name, found) in enumerate(ranked):
        colour = ORANGE if name == FUSED else BLUE
        value, low, high = (100 * x for x in (found.value, found.low, found.high))
        axes.plot([low, high], [place, place], color=colour, linewidth=3, solid_capstyle="round")
        axes.plot(value, place, "o", color=colour, markersize=9, markeredgecolor="white")
        axes.annotate(
            f"{value:.1f}",
            (value, place),
            (0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    axes.axvline(100 * majority, color=QUIET, linestyle="--", linewidth=1)
    axes.annotate(
        "always the most frequent class",
        (100 * majority, -0.45),
        (4, 0),
        textcoords="offset points",
        fontsize=8.5,
        color=QUIET,
    )
    axes.set_yticks(range(len(ranked)), [ALL if name == FUSED else name for name, _ in ranked])
    axes.set_ylim(-0.6, len(ranked) - 0.4)
    axes.set_xlim(0, 100)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    label(axes, "accuracy on clips of unseen groups [%]", "modalities given")
    headline(figure, _title(accuracy), "Bars: 95% bootstrap intervals over groups.")
    return figure


def _title(accuracy: Mapping[str, Interval]) -> str:
    singles = {name: accuracy[name].value for name in ("image", "text", "audio")}
    best = max(singles, key=lambda name: singles[name])
    together = accuracy[FUSED].value
    return (
        f"All modalities together: {together:.1%} right; the best single one, {best}: "
        f"{singles[best]:.1%}"
    )
