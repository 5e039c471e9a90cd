"""The verdict as a page: every head, every contrast."""

from models.quantum.verdict import Verdict
from tasks.quantum.contest import Contest
from tasks.release.figures import table


def verdict_page(contest: Contest, verdict: Verdict, *, rows: int, groups: int) -> str:
    """Markdown for MLflow.

    Args:
        contest: the heads.
        verdict: the answer.
        rows, groups: of the test.
    """
    heads = [
        [
            head.name,
            head.role,
            f"{head.parameters:,}",
            f"{head.validation.mean():.3f}",
            f"{head.accuracy:.3f}",
            f"{head.cpu_seconds.mean():.1f}",
        ]
        for head in contest.scored
    ]
    contrasts = [
        [
            one.against,
            f"{100 * one.difference:+.1f}",
            f"{100 * one.low:.1f} to {100 * one.high:.1f}",
            "" if one.effect is None else f"{one.effect:.2f}",
            f"{one.p_value:.3g}",
            f"{one.adjusted:.3g}",
        ]
        for one in verdict.contrasts
    ]
    config = contest.config
    sections = [
        "# Does the quantum head help?",
        f"**{verdict.sentence(contest.cost)}**",
        f"{config.qubits} qubits, {config.layers} layers of {config.ansatz}, {config.encoding} "
        f"encoding, between two linear layers, on {config.features} components of the frozen "
        f"model's summaries; {verdict.seeds} seeds; {rows:,} test rows in {groups} groups.",
        table(
            ["head", "role", "parameters", "validation accuracy", "test accuracy", "CPU s a seed"],
            heads,
        ),
        "## The quantum head minus each opponent, in points of test accuracy",
        table(["against", "points", "95% interval", "Cohen's d", "p", "p, Holm"], contrasts),
        "The interval resamples groups and seeds; p is of sign flips over seeds. A gain is claimed "
        f"only where every interval lies above 0 and every corrected p is at most {verdict.level}. "
        "A simulator computes the circuit: nothing here is faster than a classical computer.",
    ]
    return "\n\n".join(sections) + "\n"
