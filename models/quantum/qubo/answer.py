"""What every solver answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.quantum.qubo.problem import QuboProblem

SEEDS = 2**31
"""Seeds are below it: what all samplers take."""


@dataclass(frozen=True)
class Answer:
    """An assignment and what it took to find it. Two are equal where all but the time is.

    Args:
        assignment: 0 or 1, by variable.
        energy: of it, without any penalty.
        feasible: whether it meets all constraints.
        evaluations: what the solver spent, in a unit of its own: assignments (exact), moves looked
            at (greedy, tabu, annealing), circuits run by the optimiser (QAOA).
        seconds: that it took.
        details: further figures of the solver, by name.
    """

    assignment: Mapping[str, int]
    energy: float
    feasible: bool
    evaluations: int
    seconds: float = field(compare=False)
    details: Mapping[str, float] = field(default_factory=dict)

    @property
    def chosen(self) -> tuple[str, ...]:
        """Variables that are 1, in order."""
        return tuple(name for name, value in self.assignment.items() if value)


class RefusedError(ValueError):
    """A problem that a solver cannot take: says how large it is, and what can be done."""


class Solver(Protocol):
    """A way to solve a problem."""

    def __call__(self, problem: QuboProblem, *, seed: int) -> Answer:
        """The best that was found; same problem and seed, same answer.

        Raises:
            RefusedError: it is too large for this way.
            InfeasibleError: no assignment meets all constraints.
        """


def answer(
    problem: QuboProblem,
    x: npt.ArrayLike,
    *,
    evaluations: int,
    seconds: float,
    details: Mapping[str, float] | None = None,
) -> Answer:
    """An answer from an assignment (n,): energy and feasibility are always computed anew."""
    bits = np.asarray(x).astype(int)
    return Answer(
        assignment=dict(zip(problem.names, bits.tolist(), strict=True)),
        energy=float(problem.energies(bits)[0]),
        feasible=bool(problem.feasible(bits)[0]),
        evaluations=evaluations,
        seconds=seconds,
        details=dict(details or {}),
    )


def best_of(problem: QuboProblem, x_Bn: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Of several assignments the feasible one with the least energy, (n,); see `ranked`."""
    best: npt.NDArray[np.int8] = ranked(problem, x_Bn)[0]
    return best


def ranked(problem: QuboProblem, x_Bn: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Different assignments, best first, (B or fewer, n).

    Feasible ones by their energies, then the others by how little they miss their constraints. Of
    equals the first in the order of their bits, so that nothing depends on the order of the rows.
    """
    unique = np.unique(x_Bn, axis=0)
    missed = np.zeros(len(unique), np.int64)
    for by_how_much in problem.violations(unique).values():
        missed += by_how_much
    found: npt.NDArray[np.int8] = unique[np.lexsort((problem.energies(unique), missed))]
    return found


def check_seed(seed: int) -> None:
    """Refuse seeds that not all samplers take.

    Raises:
        ValueError: it is out of range.
    """
    if not 0 <= seed < SEEDS:
        raise ValueError(f"seed={seed}: take one from 0 to {SEEDS - 1}")
