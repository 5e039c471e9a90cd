"""Pictures of a search: the front, all trials side by side, and how the front grew."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.search.space import Space
from tasks.search.study import Tried

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BEST, OTHER = "#0b6e4f", "#b8b8b8"


def front_picture(whole: Sequence[Tried], best: Sequence[Tried]) -> "Figure":
    """Quality kept against bytes and against latency; the front stands out."""
    figure, axes = _axes(1, 2, (10, 4))
    names = {tried.number for tried in best}
    for axis, name, unit, text in zip(
        axes, ("bytes", "latency_ms"), (1e6, 1.0), ("megabytes", "milliseconds"), strict=True
    ):
        for chosen, colour, size in ((False, OTHER, 12), (True, BEST, 26)):
            some = [tried for tried in whole if (tried.number in names) is chosen]
            axis.scatter(
                [getattr(tried.outcome, name) / unit for tried in some],
                [100 * (1 - (tried.outcome.loss or 0.0)) for tried in some],
                s=size,
                c=colour,
                label="front" if chosen else "other trials",
            )
        axis.set_xlabel(text)
        axis.set_ylabel("quality kept, % (validation)")
    axes[0].legend(loc="lower right")
    return figure


def parallel_picture(space: Space, whole: Sequence[Tried], best: Sequence[Tried]) -> "Figure":
    """One vertical line a choice, one line a trial; the front stands out."""
    figure, (axis,) = _axes(1, 1, (12, 4.5))
    names = [*space.names, "loss", "latency_ms", "bytes"]
    columns = _columns(space, whole)
    chosen = {tried.number for tried in best}
    for row in np.argsort([tried.number in chosen for tried in whole], kind="stable"):
        mine = whole[row].number in chosen
        axis.plot(columns[row], c=BEST if mine else OTHER, lw=1.4 if mine else 0.5, alpha=0.8)
    axis.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axis.set_yticks([0, 1], ["least", "most"])
    return figure


def hypervolume_picture(curve: NDArray[np.float64]) -> "Figure":
    """How much the front dominates after each trial that went to its end."""
    figure, (axis,) = _axes(1, 1, (7, 4))
    axis.plot(range(1, len(curve) + 1), curve, c=BEST)
    axis.set_xlabel("trials that went to their end")
    axis.set_ylabel("hypervolume, share of the box")
    axis.set_ylim(0, None)
    return figure


def _columns(space: Space, whole: Sequence[Tried]) -> NDArray[np.float64]:
    points = np.array([space.point(tried.config) for tried in whole]).reshape(len(whole), -1)
    losses = np.array([tried.outcome.values for tried in whole]).reshape(len(whole), -1)
    span = np.ptp(losses, axis=0) if len(losses) else np.ones(3)
    scaled = (losses - losses.min(axis=0, initial=np.inf)) / np.where(span > 0, span, 1.0)
    return np.concatenate([space.ordinal(points), scaled], axis=1)


def _axes(rows: int, columns: int, size: tuple[float, float]) -> tuple["Figure", list[Any]]:
    # Imported here: it costs a second.
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.flat)
