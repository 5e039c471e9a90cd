"""Who is better than whom, and by how much: one line an opponent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from models.quantum.verdict import Scored, Verdict
from tasks.train.figures.style import BLUE, INK, LINE, ORANGE, QUIET, canvas, headline, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROLES = {
    "classical": "same number of parameters",
    "unentangled": "the circuit without entanglement",
    "linear": "linear probe",
    "backbone": "the trained model's own answer",
}


def verdict_figure(
    verdict: Verdict, heads: Sequence[Scored], *, rows: int, groups: int
) -> "Figure":
    """Differences in test accuracy with their intervals, the quantum head minus each opponent.

    Args:
        verdict: the answer.
        heads: whose accuracies stand beside the names.
        rows, groups: of the test.
    """
    known = {head.name: head for head in heads}
    ours = next(head for head in heads if head.role == "quantum")
    figure, axes = canvas(8.2, 1.6 + 0.55 * len(verdict.contrasts))
    axes.axvline(0, color=LINE, linewidth=1)
    names = []
    for place, one in enumerate(reversed(verdict.contrasts)):
        colour = (
            BLUE if one.better(verdict.level) else ORANGE if one.worse(verdict.level) else QUIET
        )
        axes.plot([100 * one.low, 100 * one.high], [place, place], color=colour, linewidth=2)
        axes.plot(100 * one.difference, place, "o", color=colour, markersize=6)
        axes.annotate(
            f"p = {one.adjusted:.2g}",
            (100 * one.high, place),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=INK,
        )
        head = known[one.against]
        names.append(f"{one.against} ({ROLES[one.role]})\naccuracy {head.accuracy:.3f}")
    axes.set_yticks(range(len(names)), names)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.16, y=0.12)
    label(axes, "points of test accuracy: quantum head minus the other", "")
    headline(
        figure,
        "The quantum head: " + verdict.sentence().partition(":")[0],
        f"Quantum head {ours.accuracy:.3f}, {ours.parameters:,} parameters, {verdict.seeds} seeds, "
        f"{rows:,} test rows in {groups} groups. Lines: 95% bootstrap over groups and seeds. "
        "p: sign flips over seeds, Holm-corrected. Blue: better in both; orange: worse in both.",
    )
    return figure
