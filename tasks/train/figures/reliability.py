"""Is the model as often right as it says it is?"""

from typing import TYPE_CHECKING

import numpy as np

from models.metrics import Reliability
from tasks.train.figures.style import BLUE, INK, LINE, ORANGE, canvas, headline, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def reliability_figure(found: Reliability) -> "Figure":
    """Accuracy against confidence in equal-width bins, and how many clips are in each bin."""
    figure, (upper, lower) = canvas(
        6.5, 7.0, nrows=2, ncols=1, sharex=True, height_ratios=[3.2, 1.0]
    )
    bins = len(found.count)
    edges = np.linspace(0, 100, bins + 1)[:-1]
    used = found.count > 0
    _against_diagonal(upper, found, edges, used)
    lower.bar(edges, found.count, width=100 / bins, align="edge", color=BLUE, edgecolor="white")
    label(lower, "confidence: probability given to the predicted class [%]", "clips")
    lower.set_xlim(0, 100)
    headline(
        figure,
        _title(found),
        f"ECE: gap between confidence and accuracy, averaged over clips in {bins} bins.",
    )
    return figure


def _against_diagonal(
    axes: "Axes", found: Reliability, edges: np.ndarray, used: np.ndarray
) -> None:
    width = 100 / len(edges)
    accuracy = 100 * found.accuracy[used]
    confidence = 100 * found.confidence[used]
    axes.bar(
        edges[used],
        accuracy,
        width=width,
        align="edge",
        color=BLUE,
        edgecolor="white",
        label="right answers in the bin",
    )
    axes.plot(
        confidence, accuracy, "o", color=ORANGE, markeredgecolor=INK, label="mean confidence of bin"
    )
    axes.plot([0, 100], [0, 100], "--", color=INK, linewidth=1, label="as sure as right")
    axes.set_ylim(0, 102)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_ylabel("accuracy: share of right answers [%]", color=INK)
    axes.legend(loc="upper left", frameon=False, fontsize=9)


def _title(found: Reliability) -> str:
    rows = found.count.sum()
    gap = float(((found.confidence - found.accuracy) * found.count).sum() / rows)
    ece = f"(ECE {found.ece:.3f})"
    if abs(gap) < 0.005:
        return f"The model is on average as sure as it is right {ece}"
    way = "surer than it is right" if gap > 0 else "less sure than it is right"
    return f"The model is on average {abs(100 * gap):.1f} points {way} {ece}"
