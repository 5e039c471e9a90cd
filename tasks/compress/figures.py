"""A picture of what compression cost: every measured point, by size, latency and loss."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.compress.targets import Point
from tasks.train.figures.style import BLUE, GREEN, INK, ORANGE, PINK, canvas, headline, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "teacher": INK,
    "light": BLUE,
    "medium": GREEN,
    "aggressive": ORANGE,
    "extreme": PINK,
}


def trade_offs(points: Mapping[str, Sequence[Point]], members: Mapping[str, Point]) -> "Figure":
    """Loss of quality against size and against latency.

    Args:
        points: by level, in the order of the recipe's steps; `teacher` has one.
        members: what ships, by name.
    """
    from matplotlib.ticker import LogLocator, NullLocator  # here: it costs a second

    figure, (left, right) = canvas(11.0, 4.6, ncols=2, sharey=True)
    for level, found in points.items():
        losses = [100 * point.loss for point in found]
        look = {"color": COLOURS[level], "marker": "*" if level == "teacher" else "o"}
        sizes = [point.bytes / 1e6 for point in found]
        left.plot(sizes, losses, linewidth=0.8, label=level, **look)
        right.plot([point.latency_ms for point in found], losses, linewidth=0.8, **look)
    for place, (name, point) in enumerate(sorted(members.items(), key=lambda m: m[1].bytes)):
        for axes, x in ((left, point.bytes / 1e6), (right, point.latency_ms)):
            axes.annotate(
                name,
                (x, 100 * point.loss),
                textcoords="offset points",
                xytext=(0, 22 + 14 * (place % 2)),  # neighbours keep out of each other's way
                ha="center",
                fontsize=9,
                arrowprops={"arrowstyle": "-", "linewidth": 0.5},
            )
    for axes in (left, right):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(which="major", linewidth=0.4)
    label(left, "file [MB]", "loss of quality [%]")
    label(right, "one question, one thread [ms]", "")
    left.legend(title="recipe", frameon=False, fontsize=9)
    headline(
        figure,
        "What each step saved, and what it cost",
        "Loss: relative to the teacher on validation clips, of category accuracy or of speech to "
        "text R@10, whichever is larger. Named points are the members that ship.",
    )
    return figure
