"""One look for all figures: few lines, colours that colour-blind people tell apart.

Palette: Okabe & Ito 2008, https://jfly.uni-koeln.de/color/. There is no pyplot, hence no global
state: figures are plain objects that nothing keeps alive.
"""

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
PALE = "#A6CBE3"
INK, QUIET, LINE = "#222222", "#666666", "#D8D8D8"

TITLE_COLUMNS = 10
"""Characters of a title that fit on an inch of width."""


def canvas(width: float, height: float, **grid: Any) -> "tuple[Figure, Any]":
    """A figure and its axes, bare but for two thin spines.

    Args:
        width: in inches.
        height: in inches.
        grid: passed to `Figure.subplots`.

    Returns:
        the figure, and the axes as `Figure.subplots` returns them.
    """
    # Imported here: it costs a second, and only the end of the stage draws.
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")
    axes = figure.subplots(**grid)
    for one in np.atleast_1d(np.asarray(axes, dtype=object)).flat:
        _bare(one)
    return figure, axes


def headline(figure: "Figure", title: str, note: str = "") -> None:
    """Say what one sees in bold above the picture, and what to know about it in small print."""
    columns = int(figure.get_figwidth() * TITLE_COLUMNS)
    lines = textwrap.fill(title, columns)
    small = textwrap.fill(note, int(columns * 1.35))
    figure.suptitle(lines, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    if note:
        figure.supxlabel(small, x=0.01, ha="left", fontsize=8.5, color=QUIET)


def label(axes: "Axes", x: str, y: str) -> None:
    """Name both axes, with units."""
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)


def _bare(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(color=QUIET, labelcolor=INK, labelsize=9)
    axes.set_axisbelow(True)
