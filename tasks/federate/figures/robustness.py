"""Which strategies hold against which attacks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.train.figures.style import INK, canvas, headline, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLEAN, REFERENCE, BACKDOOR = "clean", "fedavg", "backdoor"
WORST = 30.0
"""Points lost that have the darkest colour."""

Strategies = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Strategy to attack to accuracy and backdoor: figures, or means over seeds."""


def robustness_figure(strategies: Strategies, *, hostile: float) -> "Figure":
    """Accuracies in cells, coloured by what they are below clean FedAvg; backdoors beside them.

    Args:
        strategies: `poisoning.strategies` of an audit, or a split of the benchmark's results.
        hostile: share of clients that attack.
    """
    names, attacks = list(strategies), list(next(iter(strategies.values())))
    accuracy = 100 * np.array(
        [[_value(strategies[n][a]["accuracy"]) for a in attacks] for n in names]
    )
    lost = _value(strategies[REFERENCE][CLEAN]["accuracy"]) * 100 - accuracy
    figure, (left, right) = canvas(
        4.2 + 1.1 * len(attacks),
        1.8 + 0.55 * len(names),
        nrows=1,
        ncols=2,
        width_ratios=[len(attacks), 1],
    )
    image = left.imshow(lost, cmap="Oranges", vmin=0, vmax=WORST, aspect="auto")
    _cells(left, accuracy, lost / WORST)
    left.set_xticks(range(len(attacks)), [attack.replace("_", " ") for attack in attacks])
    left.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    label(left, "attack", "strategy")
    bar = figure.colorbar(image, ax=left, shrink=0.8, extend="max")
    bar.set_label("points below clean FedAvg", color=INK)
    works = 100 * np.array([[_value(strategies[n][BACKDOOR]["backdoor"])] for n in names])
    right.imshow(works, cmap="Oranges", vmin=0, vmax=100, aspect="auto")
    _cells(right, works, works / 100)
    right.set_xticks([0], ["backdoor\nworks [%]"])
    right.set_yticks([])
    for axes in (left, right):
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    headline(
        figure,
        _title(strategies, attacks),
        f"Cells: test accuracy [%]; {hostile:.0%} of clients attack, and robust strategies are "
        "told so. Right: rows of other classes that the trigger turns into its target.",
    )
    return figure


def _cells(axes: Any, values: NDArray[np.float64], shade: NDArray[np.float64]) -> None:
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if shade[row, column] > 0.6 else INK
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=9, color=colour)


def _title(strategies: Strategies, attacks: list[str]) -> str:
    clean = _value(strategies[REFERENCE][CLEAN]["accuracy"])
    hostile = [attack for attack in attacks if attack != CLEAN]
    lost = {
        name: max(clean - _value(line[attack]["accuracy"]) for attack in hostile)
        for name, line in strategies.items()
    }
    best = min(lost, key=lambda name: lost[name])
    return (
        f"Under its worst attack {best.replace('_', ' ')} is {100 * lost[best]:.1f} points below "
        f"clean FedAvg, FedAvg itself {100 * lost[REFERENCE]:.1f}; the backdoor works on "
        f"{_works(strategies, best):.0%} and {_works(strategies, REFERENCE):.0%}"
    )


def _works(strategies: Strategies, name: str) -> float:
    return _value(strategies[name][BACKDOOR]["backdoor"])


def _value(figure: Any) -> float:
    return float(figure["mean"] if isinstance(figure, Mapping) else figure)
