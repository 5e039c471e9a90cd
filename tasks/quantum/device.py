"""Before training: could it learn at all? After: what would few measurements leave?"""

import dataclasses

import numpy as np

from models.quantum.head import HeadConfig
from models.quantum.plateau import Flatness, flatness
from models.quantum.shots import sampled_logits
from tasks.params.quantum import QuantumParams
from tasks.progress import say
from tasks.quantum.contest import Contest
from tasks.quantum.figures.circuit import Point, shots_figure, trainability_figure
from tasks.quantum.source import Source
from tasks.tracked import TrackedRun


def before_training(run: TrackedRun, config: HeadConfig, params: QuantumParams) -> list[Flatness]:
    """Look at gradients over random starts, by number of qubits; warn where they are flat."""
    told = params.trainability
    exact = dataclasses.replace(config, engine="torch", shots=None)
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
    return found


def after_training(
    run: TrackedRun, contest: Contest, source: Source, params: QuantumParams
) -> list[Point]:
    """Accuracy of the chosen head where its circuit is measured a number of times only."""
    told = params.robustness
    head = contest.chosen_head
    rows = np.random.default_rng(params.seed).permutation(len(source.test.y))[: told.rows]
    x, y = source.test.x[rows], source.test.y[rows]
    exact = float((head(x).argmax(1) == y).double().mean())
    points = []
    for shots in told.shots:
        drawn = [
            float((sampled_logits(head, x, shots=shots, seed=seed).argmax(1) == y).double().mean())
            for seed in range(params.seed, params.seed + told.repeats)
        ]
        low, high = np.quantile(drawn, [0.05, 0.95])
        points.append(Point(shots, float(np.mean(drawn)), float(low), float(high)))
    run.summary({f"shots.{one.shots}.accuracy": one.accuracy for one in points})
    run.picture(
        "shots.png", shots_figure(points, exact=exact, rows=len(rows), chance=source.commonest)
    )
    return points
