"""Before training: could it learn at all? After: what would few measurements, and noise, leave?"""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.quantum.fit import Rows, judged
from models.quantum.head import HeadConfig, QuantumHead
from models.quantum.noise import accuracy_against_noise, with_noise
from models.quantum.plateau import flatness
from models.quantum.shots import sampled_logits
from tasks.params.quantum import QuantumParams
from tasks.progress import say
from tasks.quantum.contest import Contest
from tasks.quantum.figures.circuit import (
    Point,
    noise_figure,
    shots_figure,
    trainability_figure,
)
from tasks.quantum.source import Source
from tasks.tracked import TrackedRun


def before_training(run: TrackedRun, config: HeadConfig, params: QuantumParams) -> None:
    """Look at gradients over random starts, by number of qubits; warn where they are flat."""
    told = params.trainability
    exact = dataclasses.replace(config, engine="torch", shots=None, depolarising=0.0)
    sizes = sorted({*told.qubits, config.qubits})
    found = [
        flatness(exact, qubits=qubits, samples=told.samples, seed=params.seed) for qubits in sizes
    ]
    own = next(one for one in found if one.qubits == config.qubits)
    warning = own.warning(told.least_variance)
    run.tag("quantum.trainable", str(warning is None).lower())
    run.summary({f"gradient_variance.{one.qubits}_qubits": one.variance for one in found})
    run.picture(
        "trainability.png",
        trainability_figure(found, own=config.qubits, least=told.least_variance),
    )
    if warning is not None:
        say(f"warning: {warning}")


def after_training(
    run: TrackedRun, contest: Contest, source: Source, params: QuantumParams
) -> None:
    """Accuracy of the chosen head on a device that measures it a few times, or that is noisy."""
    head = with_noise(contest.chosen_head, depolarising=0.0)
    order = np.random.default_rng(params.seed).permutation(len(source.test.y))
    _under_shots(run, head, _rows(source, order[: params.robustness.rows]), source, params)
    _under_noise(run, head, _rows(source, order[: params.robustness.noise_rows]), source, params)


def _under_shots(
    run: TrackedRun, head: QuantumHead, rows: Rows, source: Source, params: QuantumParams
) -> None:
    told = params.robustness
    points = []
    for shots in told.shots:
        drawn = [
            _accuracy(sampled_logits(head, rows.x, shots=shots, seed=seed), rows)
            for seed in range(params.seed, params.seed + told.repeats)
        ]
        low, high = np.quantile(drawn, [0.05, 0.95])
        points.append(Point(shots, float(np.mean(drawn)), float(low), float(high)))
    run.summary({f"shots.{one.shots}.accuracy": one.accuracy for one in points})
    exact, count = judged(head, rows)[1], len(rows.y)
    run.picture("shots.png", shots_figure(points, exact=exact, rows=count, chance=source.commonest))


def _under_noise(
    run: TrackedRun, head: QuantumHead, rows: Rows, source: Source, params: QuantumParams
) -> None:
    found = {}
    for p in params.robustness.depolarising:
        found[p] = float(accuracy_against_noise(head, rows.x, rows.y, depolarising=[p])[0])
        say(f"depolarising {p:g}: accuracy {found[p]:.3f} of {len(rows.y)} rows")
    run.summary({f"depolarising.{p:g}.accuracy": accuracy for p, accuracy in found.items()})
    exact, count = judged(head, rows)[1], len(rows.y)
    run.picture("noise.png", noise_figure(found, exact=exact, rows=count, chance=source.commonest))


def _rows(source: Source, places: NDArray[np.int64]) -> Rows:
    return Rows(source.test.x[places], source.test.y[places])


def _accuracy(logits: Tensor, rows: Rows) -> float:
    return float((logits.argmax(1) == rows.y).double().mean())
