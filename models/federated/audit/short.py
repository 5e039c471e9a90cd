"""All three audits on a small built-in task, in seconds: what a run's settings hold against."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.federated.accountant import Accountant
from models.federated.audit.attacks import USUAL
from models.federated.audit.canary import told
from models.federated.audit.inversion import inversion
from models.federated.audit.membership import Training, membership
from models.federated.audit.poisoning import expecting, poisoning
from models.federated.audit.shares import Task, digits_task, even_rows
from models.federated.privacy import Privacy

STRATEGIES = ("fedavg", "median", "trimmed_mean", "krum", "multi_krum", "bulyan")
ATTACKS = ("sign_flip", "backdoor")

CANARY_CLIENTS, CANARY_REPEATS, MOST_ROUNDS = 40, 3, 10
POISONED_CLIENTS, POISONING = 15, Training(rounds=8, rate=0.5, epochs=2)
VICTIMS = 8


def audit_updates(
    privacy: Privacy, *, rounds: int, seed: int, hostile: float = 0.2
) -> dict[str, Any]:
    """Canaries, gradient inversion and poisoning on scikit-learn's digits, at these settings.

    The task stands in for the run's own: a mechanism is audited, not a model. What is told about
    epsilon is told for the audit's rounds, in all of which every client takes part.

    Args:
        privacy: level, clip and noise; budget and source of noise are not looked at.
        rounds: of the run; the audit takes at most MOST_ROUNDS.
        seed: of everything.
        hostile: share of clients that poison, which robust strategies are told.

    Returns:
        JSON types: `canary` by what the guesser has seen (model, updates), `inversion` by what the
        server sees (upload, mean; guess is what no update is needed for), `poisoning` by strategy
        and attack, and what they were run with.
    """
    task = digits_task(seed)
    taken = min(rounds, MOST_ROUNDS)
    return {
        "task": "digits",
        "seed": seed,
        "rounds": taken,
        "privacy": {
            "level": privacy.level,
            "clip": privacy.clip,
            "noise_multiplier": privacy.noise_multiplier if privacy.noisy else 0.0,
            "delta": privacy.delta,
            "epsilon": claimed(privacy, taken),
        },
        "canary": _canary(task, privacy, taken, seed),
        "inversion": _inversion(task, privacy, seed),
        "poisoning": _poisoning(task, privacy, hostile, seed),
    }


def claimed(privacy: Privacy, rounds: int) -> float | None:
    """The accountant's epsilon; None where nothing is claimed."""
    return Accountant(privacy).epsilon(rounds) if privacy.noisy else None


def means(found: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Of the clients of an inversion: mean cosine, and the median of the squared difference, which
    noise in the divisor can blow up without bounds."""
    return {
        view: {
            "cosine": float(np.mean([one["cosine"] for one in each])),
            "mse": float(np.median([one["mse"] for one in each])),
        }
        for view, each in found.items()
    }


def _canary(task: Task, privacy: Privacy, rounds: int, seed: int) -> dict[str, Any]:
    shares = task.shares(even_rows(len(task.y), CANARY_CLIENTS, seed=seed))
    scores, member = membership(
        shares,
        privacy,
        Training(rounds),
        slots=CANARY_CLIENTS - 1,  # one client is always there, whatever the coins say
        classes=task.classes,
        seed=seed,
        repeats=CANARY_REPEATS,
    )
    return {view: told(one, member, delta=privacy.delta) for view, one in scores.items()}


def _inversion(task: Task, privacy: Privacy, seed: int) -> dict[str, dict[str, float]]:
    found = inversion(
        task.test_x[:VICTIMS], task.test_y[:VICTIMS], privacy, classes=task.classes, seed=seed
    )
    return means(found)


def _poisoning(task: Task, privacy: Privacy, hostile: float, seed: int) -> dict[str, Any]:
    """Noise only at level local_dp: the others cannot be combined with robust strategies."""
    noise = privacy if privacy.level == "local_dp" else Privacy("none")
    shares = task.shares(even_rows(len(task.y), POISONED_CLIENTS, seed=seed))
    return {
        "level": noise.level,
        "clients": POISONED_CLIENTS,
        "hostile": hostile,
        "strategies": {
            name: {
                attack or "clean": poisoning(
                    task,
                    shares,
                    USUAL[attack] if attack else None,
                    strategy=expecting(name, clients=POISONED_CLIENTS, hostile=hostile),
                    training=POISONING,
                    hostile=hostile,
                    privacy=noise,
                    seed=seed,
                )
                for attack in (None, *ATTACKS)
            }
            for name in STRATEGIES
        },
    }
