"""Attack the run's settings on a small data set, and show in MLflow what came out."""

import json
from typing import Any

from models.federated.audit import audit_updates
from models.federated.plan import Plan
from tasks.federate.figures.privacy import audit_figure
from tasks.federate.figures.robustness import robustness_figure
from tasks.progress import say
from tasks.release.figures import table
from tasks.tracked import TrackedRun


def show_audits(run: TrackedRun, plan: Plan) -> None:
    """Tables and pictures of the short audits, and their headline figures."""
    found = audit_updates(plan.privacy, rounds=plan.rounds, seed=plan.seed)
    run.page("audit/audit.json", json.dumps(found, indent=2, sort_keys=True) + "\n")
    run.page("audit/audit.md", audit_page(found))
    poisoned = found["poisoning"]
    run.picture("audit/privacy.png", audit_figure(found))
    run.picture(
        "audit/robustness.png",
        robustness_figure(poisoned["strategies"], hostile=poisoned["hostile"]),
    )
    figures = {f"audit.canary.{view}.auc": one["auc"] for view, one in found["canary"].items()}
    figures |= {f"audit.inversion.{k}.cosine": v["cosine"] for k, v in found["inversion"].items()}
    run.summary(figures)
    view, auc = list(found["canary"].items())[-1]
    say(
        f"audit: who took part is guessed from the {view} with AUC {auc['auc']:.2f} "
        f"({auc['auc_low']:.2f} to {auc['auc_high']:.2f}; 0.5 is a coin); audit/ in MLflow"
    )


def audit_page(found: dict[str, Any]) -> str:
    """The audits as Markdown."""
    of = found["privacy"]
    claim = "no claim" if of["epsilon"] is None else f"epsilon {of['epsilon']:.3g} claimed"
    sections = [
        "# Audits",
        f"Level {of['level']}, {found['rounds']} rounds on {found['task']} (seed {found['seed']}): "
        f"{claim}.",
        "## Membership: canary clients, half of which took part",
        table(
            ["the guesser sees", "AUC (95%)", "epsilon is at least"],
            [
                [
                    view,
                    f"{one['auc']:.3f} ({one['auc_low']:.3f} to {one['auc_high']:.3f})",
                    f"{one['epsilon_at_least']:.3g}",
                ]
                for view, one in found["canary"].items()
            ],
        ),
        "## Gradient inversion: a client with one picture",
        table(
            ["the server sees", "cosine with the picture", "squared difference"],
            [[k, f"{v['cosine']:.3f}", f"{v['mse']:.3g}"] for k, v in found["inversion"].items()],
        ),
        f"## Poisoning: {found['poisoning']['hostile']:.0%} of the clients are hostile",
        _poisoning(found["poisoning"]["strategies"]),
    ]
    return "\n\n".join(sections) + "\n"


def _poisoning(strategies: dict[str, dict[str, dict[str, float]]]) -> str:
    attacks = list(next(iter(strategies.values())))
    rows = []
    for name, each in strategies.items():
        cells = [f"{each[attack]['accuracy']:.3f}" for attack in attacks]
        rows.append([name, *cells, f"{each['backdoor']['backdoor']:.0%}"])
    return table(["strategy", *attacks, "backdoor works"], rows)
