"""Which classes the model takes for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.train.figures.style import INK, canvas, headline, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def confusion_figure(table: NDArray[np.int64], classes: Sequence[str]) -> "Figure":
    """Counts in cells, colour by the share of the true class.

    Args:
        table: (C, C) counts, rows are true classes, columns are predictions.
        classes: C names, in the order of the table.
    """
    side = 3.2 + 0.5 * len(classes)
    figure, axes = canvas(side + 1.0, side)
    share = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    _cells(axes, table, share)
    places = range(len(classes))
    axes.set_xticks(places, classes, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, classes)
    axes.spines[:].set_visible(False)
    label(axes, "predicted class", "true class")
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("share of the true class [%]", color=INK)
    headline(figure, _title(table, classes), "Cells hold numbers of clips; empty cells are zero.")
    return figure


def _cells(axes: "Axes", table: NDArray[np.int64], share: NDArray[np.float64]) -> None:
    for row, column in zip(*np.nonzero(table), strict=True):
        dark = share[row, column] > 55
        axes.text(
            column,
            row,
            str(table[row, column]),
            ha="center",
            va="center",
            fontsize=8.5,
            color="white" if dark else INK,
        )


def _title(table: NDArray[np.int64], classes: Sequence[str]) -> str:
    wrong = table.copy()
    np.fill_diagonal(wrong, 0)
    total = int(table.sum())
    if not wrong.any():
        return f"All {total:,} clips are in their right class"
    true, taken = divmod(int(wrong.argmax()), len(classes))
    return (
        f"{wrong.sum() / total:.1%} of {total:,} clips are put in a wrong class, "
        f"most often {classes[true]} taken for {classes[taken]} ({wrong[true, taken]})"
    )
