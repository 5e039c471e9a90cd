"""QAOA with a start and a mixer that keep to the counts, and with angles that can be reused.

The angles are found by L-BFGS-B on exact gradients, or given: angles of one problem do well on
others of its kind, because costs are scaled alike (models/quantum/qubo/mixer.py). The answer is the
best feasible one of what a seeded measurement gives.

A simulator computes the energies of all states first, and so has seen the best one before the
circuit begins: nothing here is faster than enumeration.

Sources: as in mixer.py; reuse of angles: Brandao et al. 2018, https://arxiv.org/abs/1812.04170.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.quantum.qubo.answer import Answer, answer, best_of
from models.quantum.qubo.components import apart
from models.quantum.qubo.mixer import Space
from models.quantum.qubo.problem import Floats, QuboProblem

LARGEST = 2**18
"""States: 80 evaluations of 2 layers take about a minute."""
JITTER = 0.1
"""Of the first angles, relatively."""


@dataclass(frozen=True)
class Angles:
    """Of P layers.

    Args:
        gammas: of the cost, P of them.
        betas: of the mixer, P of them.
    """

    gammas: tuple[float, ...]
    betas: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.gammas or len(self.gammas) != len(self.betas):
            raise ValueError(
                f"{len(self.gammas)} gammas and {len(self.betas)} betas: one of each for every "
                "layer, at least one layer"
            )
        if not np.isfinite([*self.gammas, *self.betas]).all():
            raise ValueError(f"angles {self}: they must be finite")


@dataclass(frozen=True)
class Found:
    """Angles, and how good they are.

    Args:
        angles: best of those tried.
        value: mean scaled cost with them.
        evaluations: circuits that the optimiser asked for, each with its gradient.
    """

    angles: Angles
    value: float
    evaluations: int


TRANSFERRED = Angles(gammas=(0.964, 1.972, 2.554), betas=(-0.759, -0.558, -0.317))
"""Found on one instance of client selection, 6 of 16 (benchmarks/quantum_qubo.py, `donor_angles`),
and given to all problems whose angles nobody optimises."""


def qaoa(
    problem: QuboProblem,
    *,
    seed: int,
    layers: int = 3,
    evaluations: int = 80,
    shots: int = 1024,
    angles: Angles | None = None,
    largest: int = LARGEST,
) -> Answer:
    """The best of what a simulated measurement gives.

    Args:
        problem: parts that nothing joins are solved apart.
        seed: of the first angles and of the measurement.
        layers: P, where no angles are given.
        evaluations: circuits with gradients that the optimiser may ask for.
        shots: measurements.
        angles: use these; the optimiser is not asked, and evaluations are 0.
        largest: states to simulate at most.

    Returns:
        The answer; its details say `ratio` (see `quality`), `probability` of a best state and by
        how much that is above chance (`lift`), where the problem is in one part.

    Raises:
        RefusedError: too many states; says how much memory they need.
        InfeasibleError: the constraints cannot be met together.
        ValueError: fewer than 1 layer, evaluation or shot.
    """
    if min(layers, evaluations, shots) < 1:
        raise ValueError(
            f"layers={layers}, evaluations={evaluations}, shots={shots}: each is 1 or more"
        )

    def solve(part: QuboProblem, own: int) -> Answer:
        begun = time.perf_counter()
        space = Space.of(part, largest=largest)
        found = (
            optimise(space, layers=layers, evaluations=evaluations, seed=own)
            if angles is None
            else Found(angles, float("nan"), 0)
        )
        chances = probabilities(space, found.angles)
        rows = np.random.default_rng([own, 1]).choice(len(space), size=shots, p=chances)
        seen = space.product.assignments(np.unique(rows), len(part))
        return answer(
            part,
            best_of(part, seen),
            evaluations=found.evaluations,
            seconds=time.perf_counter() - begun,
            details=quality(space, chances),
        )

    return apart(problem, solve, seed=seed)


def optimise(
    space: Space,
    *,
    layers: int,
    evaluations: int,
    seed: int,
    first: Angles | None = None,
) -> Found:
    """Angles with a low mean cost.

    Args:
        space: of the problem.
        layers: P.
        evaluations: circuits with gradients at most; the optimiser may stop before.
        seed: of the first angles' jitter.
        first: to begin with, in place of a ramp.
    """
    from scipy.optimize import minimize

    best = Found(_ramp(layers, seed) if first is None else first, np.inf, 0)

    def ask(flat: Floats) -> tuple[float, Floats]:
        nonlocal best
        value, by_gamma, by_beta = space.gradient(flat[:layers], flat[layers:])
        if value < best.value:
            best = Found(_angles(flat, layers), value, best.evaluations)
        best = Found(best.angles, best.value, best.evaluations + 1)
        if best.evaluations >= evaluations:
            raise _EnoughError  # its own limit is looked at once an iteration only
        return value, np.concatenate([by_gamma, by_beta])

    with suppress(_EnoughError):
        minimize(ask, [*best.angles.gammas, *best.angles.betas], jac=True, method="L-BFGS-B")
    return best


def probabilities(space: Space, angles: Angles) -> Floats:
    """Of measuring each state, (S,)."""
    state = space.run(np.array(angles.gammas), np.array(angles.betas))
    chances = np.abs(state) ** 2
    chances /= chances.sum()
    return chances


def quality(space: Space, chances: npt.NDArray[np.float64]) -> dict[str, float]:
    """How good a distribution is.

    Returns:
        `ratio`: (worst - mean) / (worst - best) of the energies, over feasible states; 1 is
        optimal. `uniform_ratio`: the same of drawing a feasible state at random, which costs
        nothing. `probability`: of a best state; `lift`: that over the chance of drawing one at
        random. `feasible_share`: of the measurements.
    """
    energies, own = space.energies[space.feasible], chances[space.feasible]
    best, worst = float(energies.min()), float(energies.max())
    width, share = worst - best, float(own.sum())
    tops = energies <= best + 1e-9 * max(width, 1e-300)
    probability = float(own[tops].sum())
    mean = float(own @ energies) / share if share > 0 else worst
    return {
        "ratio": (worst - mean) / width if width else 1.0,
        "uniform_ratio": (worst - float(energies.mean())) / width if width else 1.0,
        "probability": probability,
        "lift": probability / (float(tops.sum()) / len(space)),
        "feasible_share": share,
    }


class _EnoughError(Exception):
    """The optimiser has spent what it may."""


def _ramp(layers: int, seed: int) -> Angles:
    """From much mixer to much cost, as slow annealing does; jittered. Costs have deviation 1."""
    at = (np.arange(layers) + 0.5) / layers
    jitter = 1 + JITTER * np.random.default_rng([seed, 0]).uniform(-1, 1, 2 * layers)
    flat = np.concatenate([0.6 + 1.8 * at, 0.65 * at - 0.85]) * jitter
    return _angles(flat, layers)


def _angles(flat: Floats | Sequence[float], layers: int) -> Angles:
    values = [float(value) for value in flat]
    return Angles(tuple(values[:layers]), tuple(values[layers:]))
