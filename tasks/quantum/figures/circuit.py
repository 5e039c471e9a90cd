"""What the circuit can learn, and what of it a noisy device would leave."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.train.figures.style import BLUE, ORANGE, QUIET, canvas, headline, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def trainability_figure(points: Sequence[Mapping[str, Any]], *, own: int, least: float) -> "Figure":
    """Variance of the gradient over random starts, by number of qubits.

    Args:
        points: `qubits`, `layers` and `variance` of each.
        own: qubits of the head that is trained.
        least: variance below which training would hardly start.
    """
    figure, axes = canvas(6.4, 3.8)
    x, y = [one["qubits"] for one in points], [one["variance"] for one in points]
    axes.semilogy(x, y, "o-", color=BLUE, linewidth=1.5)
    for qubits, variance in zip(x, y, strict=True):
        if qubits == own:
            axes.plot(qubits, variance, "o", color=ORANGE, markersize=9, zorder=3)
    axes.axhline(least, color=QUIET, linestyle=":", linewidth=1)
    axes.annotate(
        "hardly trainable below",
        (x[0], least),
        (0, 4),
        textcoords="offset points",
        fontsize=8.5,
        color=QUIET,
    )
    axes.set_xticks(x)
    label(axes, "qubits", "variance of a gradient")
    headline(
        figure,
        "Gradients shrink as qubits are added",
        f"Over random starts of {points[0]['layers']} layers; orange: the head that is trained.",
    )
    return figure


def robustness_figure(
    noise: Mapping[str, Sequence[float]],
    shots: Mapping[str, Sequence[float]],
    *,
    exact: float,
    rows: int,
    chance: float,
) -> "Figure":
    """Accuracy over depolarising noise and over shots.

    Args:
        noise: `p` and `accuracy`.
        shots: `shots`, `accuracy`, `low` and `high`.
        exact: accuracy without either.
        rows: that were judged.
        chance: accuracy of the most frequent class.
    """
    figure, (left, right) = canvas(8.2, 3.6, nrows=1, ncols=2, sharey=True)
    left.plot(noise["p"], noise["accuracy"], "o-", color=BLUE, linewidth=1.5)
    right.semilogx(shots["shots"], shots["accuracy"], "o-", color=BLUE, linewidth=1.5)
    right.fill_between(shots["shots"], shots["low"], shots["high"], color=BLUE, alpha=0.15)
    for axes in (left, right):
        axes.axhline(exact, color=QUIET, linestyle="-", linewidth=0.8)
        axes.axhline(chance, color=QUIET, linestyle=":", linewidth=0.8)
    left.annotate(
        "most frequent class",
        (0, chance),
        (2, 4),
        textcoords="offset points",
        fontsize=8.5,
        color=QUIET,
    )
    label(left, "depolarising probability after every gate", "accuracy")
    label(right, "shots per row", "")
    headline(
        figure,
        "What noise and few shots leave of the accuracy",
        f"{rows} test rows; solid grey: {exact:.3f} without noise, all amplitudes known. "
        "Band: 5% to 95% of repeated draws.",
    )
    return figure
