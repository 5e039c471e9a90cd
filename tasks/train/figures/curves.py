"""How training went, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

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
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, ORANGE, GREEN, PINK)
STYLES = ("-", "--", ":")  # beyond four curves the stroke tells them apart


Epochs = Sequence[tuple[int, Mapping[str, float]]]
"""Number and figures of each epoch, in order."""


def curves_figure(history: Epochs) -> "Figure":
    """Losses above, accuracies below, the epoch with the lowest validation loss marked.

    Args:
        history: epochs with their figures; a name with "loss" in it is a loss, one with "accuracy"
            a share. A run that went on after a kill has only the epochs since.
    """
    names = sorted({name for _, values in history for name in values})
    best, lowest = min(history, key=lambda epoch: epoch[1]["val_loss"])
    figure, (upper, lower) = canvas(7.5, 6.4, nrows=2, ncols=1, sharex=True)
    _panel(upper, history, [name for name in names if "loss" in name], 1.0, "loss [nats]")
    _panel(lower, history, [name for name in names if "accuracy" in name], 100.0, "accuracy [%]")
    for axes in (upper, lower):
        axes.axvline(best, color=QUIET, linestyle="--", linewidth=1)
    lower.set_xlabel("epoch", color=INK)
    first, last = history[0][0], history[-1][0]
    headline(
        figure,
        f"Epoch {best} has the lowest validation loss, {lowest['val_loss']:.3f}, "
        f"of epochs {first} to {last}",
        "Dashed line: that epoch."
        if first == 1
        else f"Dashed line: that epoch. Epochs before {first} are in the run that was interrupted.",
    )
    return figure


def _panel(axes: "Axes", history: Epochs, names: list[str], scale: float, unit: str) -> None:
    for place, name in enumerate(names):
        points = [(epoch, scale * values[name]) for epoch, values in history if name in values]
        axes.plot(
            *zip(*points, strict=True),
            STYLES[place // len(COLOURS) % len(STYLES)],
            marker="o",
            markersize=3,
            color=COLOURS[place % len(COLOURS)],
            label=name.replace("_", " "),
        )
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_ylabel(unit, color=INK)
    axes.locator_params(axis="x", integer=True)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
