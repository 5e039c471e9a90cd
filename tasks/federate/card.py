"""The federated model's card: who learned, what it scores beside the centralised model, what it
protects and what it does not. The same run gives the same text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from models.federated.events import Event
from models.federated.plan import Plan
from tasks.release.figures import table


def federated_card(metrics: Mapping[str, Any], plan: Plan, events: Sequence[Event]) -> str:
    """The card as Markdown.

    Args:
        metrics: as metrics.json of the stage holds them.
        plan: of the run.
        events: of all rounds.
    """
    sections = [
        "# Federated model",
        _what(metrics, plan),
        "## Scores",
        _scores(metrics),
        "## Clients",
        _clients(metrics),
        "## Privacy",
        *_privacy(metrics, plan),
        "## What went wrong",
        _events(events),
    ]
    return "\n\n".join(sections) + "\n"


def _what(metrics: Mapping[str, Any], plan: Plan) -> str:
    of = metrics["federated"]
    total = (of["bytes_up"] + of["bytes_down"]) / 1e6
    return (
        f"{of['rounds']} rounds of {of['strategy']} over {of['clients']} clients, each with its "
        f"own part of the data. {total:,.1f} MB travelled ({plan.upload.name} up, "
        f"{plan.download.name} down); on the drawn devices it would take "
        f"{of['field_seconds'] / 60:.1f} minutes."
    )


def _scores(metrics: Mapping[str, Any]) -> str:
    of, fused = metrics["federated"], metrics["fused"]
    span = f"{fused['accuracy_low']:.3f} to {fused['accuracy_high']:.3f}"
    rows = [
        [
            "category, all modalities",
            f"{fused['accuracy']:.3f} ({span})",
            f"{of['accuracy_of_centralised']:.1%}",
        ]
    ]
    if "r10_of_centralised" in of:
        r10 = metrics["retrieval"]["speech_to_text"]["r10"]
        rows.append(["speech to text, R@10", f"{r10:.3f}", f"{of['r10_of_centralised']:.1%}"])
    return table(["on test rows", "score (95%)", "of the centralised model"], rows)


def _clients(metrics: Mapping[str, Any]) -> str:
    rows = [
        [
            one["client"],
            str(one["rows"]),
            f"{one['accuracy']:.3f}",
            f"{one['own_accuracy']:.3f}",
            f"{one['r10']:.3f}",
            f"{one['own_r10']:.3f}",
        ]
        for one in metrics["clients"]
    ]
    head = ["client", "test rows", "accuracy", "own version", "speech R@10", "own version"]
    return table(head, rows)


def _privacy(metrics: Mapping[str, Any], plan: Plan) -> list[str]:
    if "privacy" not in metrics:
        if plan.privacy.secure:
            return ["The server saw sums of updates only (SecAgg+). No noise: no epsilon to state."]
        return ["None: the server saw every client's update. Nothing bounds what it could learn."]
    of = metrics["privacy"]
    spent = (
        f"epsilon {of['epsilon']:.3f} at delta {of['delta']:g} after {of['rounds']} noisy rounds "
        f"(budget {of['budget']:g}; Renyi accounting would say {of['epsilon_rdp']:.3f})."
    )
    return [
        f"Level {of['level']}: {spent}",
        f"Neighbouring data sets: {of['neighbouring']}. Sampling: {of['sampling']}.",
        "It assumes:",
        "\n".join(f"- {line}" for line in of["assumptions"]),
    ]


def _events(events: Sequence[Event]) -> str:
    if not events:
        return "Nothing."
    counted = Counter(event.kind for event in events)
    return table(["event", "times"], [[kind, str(n)] for kind, n in sorted(counted.items())])
