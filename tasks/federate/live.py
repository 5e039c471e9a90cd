"""Curves while the rounds run: the federation's and each client's, in MLflow and on one line."""

from models.federated.plan import Round
from tasks.progress import say
from tasks.tracked import TrackedRun


def show(run: TrackedRun, found: Round, rounds: int) -> None:
    """A round's figures into MLflow, and in short to a person watching."""
    curves: dict[str, float] = {
        "clients": len(found.parts),
        "events": len(found.events),
        "megabytes_up": found.bytes_up / 1e6,
        "megabytes_down": found.bytes_down / 1e6,
        **{f"mean.{name}": value for name, value in found.metrics.items() if name != "steps"},
    }
    if found.epsilon is not None:
        curves["epsilon"] = found.epsilon
    for part in found.parts:
        for name, value in part.metrics.items():
            if name != "steps":
                curves[f"client.{part.client}.{name}"] = value
    run.metrics(curves, step=found.number)
    told = [f"{len(found.parts)} clients"]
    told += [f"{name} {value:.3f}" for name, value in found.metrics.items() if name != "steps"]
    told.append(f"{found.bytes_up / 1e6:.1f} MB up, {found.bytes_down / 1e6:.1f} MB down")
    if found.epsilon is not None:
        told.append(f"epsilon {found.epsilon:.3g}")
    say(f"round {found.number} of {rounds}: {', '.join(told)}")
    for event in found.events:
        say(str(event))
