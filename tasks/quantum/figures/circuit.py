"""What the circuit can learn, and what of it a noisy device would leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from models.quantum.plateau import Flatness
from tasks.train.figures.style import BLUE, ORANGE, QUIET, canvas, headline, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def trainability_figure(points: Sequence[Flatness], *, own: int, least: float) -> "Figure":
    """Variance of the gradient over random starts, by number of qubits.

    Args:
        points: in rising order of qubits.
        own: qubits of the head that is trained.
        least: variance below which training would hardly start.
    """
    figure, axes = canvas(6.4, 3.8)
    x, y = [one.qubits for one in points], [one.variance for one in points]
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
        "How gradients change as qubits are added",
        f"Over random starts of {points[0].layers} layers; orange: the head that is trained.",
    )
    return figure


@dataclass(frozen=True)
class Point:
    """Accuracy at a number of shots: mean, and 5% to 95% of repeated draws."""

    shots: int
    accuracy: float
    low: float
    high: float


def shots_figure(points: Sequence[Point], *, exact: float, rows: int, chance: float) -> "Figure":
    """Accuracy over shots.

    Args:
        points: in rising order.
        exact: accuracy where all amplitudes are known.
        rows: that were judged.
        chance: accuracy of always naming the most frequent class.
    """
    figure, axes = canvas(6.4, 3.8)
    shots = [one.shots for one in points]
    axes.semilogx(shots, [one.accuracy for one in points], "o-", color=BLUE, linewidth=1.5)
    low, high = [one.low for one in points], [one.high for one in points]
    axes.fill_between(shots, low, high, color=BLUE, alpha=0.15)
    _levels(
        axes, shots[-1], "right", {"all amplitudes known": exact, "most frequent class": chance}
    )
    label(axes, "shots a row", "accuracy")
    headline(
        figure,
        "What a limited number of measurements leaves of the accuracy",
        f"{rows} test rows; band: 5% to 95% of repeated draws.",
    )
    return figure


def noise_figure(
    accuracy: Mapping[float, float], *, exact: float, rows: int, chance: float
) -> "Figure":
    """Accuracy over depolarising noise.

    Args:
        accuracy: by the probability of an error on each wire after every gate, above 0, rising.
        exact: without noise.
        rows: that were judged.
        chance: accuracy of always naming the most frequent class.
    """
    figure, axes = canvas(6.4, 3.8)
    strengths = list(accuracy)
    axes.semilogx(strengths, list(accuracy.values()), "o-", color=BLUE, linewidth=1.5)
    # To the left, because noise brings the curve down to the level on the right.
    _levels(axes, strengths[0], "left", {"no noise": exact, "most frequent class": chance})
    label(axes, "probability of an error, each wire, each gate", "accuracy")
    headline(
        figure,
        "What depolarising noise leaves of the accuracy",
        f"{rows} test rows; exact states under noise, no shots.",
    )
    return figure


def _levels(
    axes: "Axes", end: float, side: Literal["left", "right"], levels: Mapping[str, float]
) -> None:
    """Named lines across, each name at one end."""
    for name, value in levels.items():
        axes.axhline(value, color=QUIET, linestyle=":", linewidth=0.8)
        axes.annotate(
            name,
            (end, value),
            (0, 6),
            textcoords="offset points",
            ha=side,
            fontsize=8.5,
            color=QUIET,
        )
