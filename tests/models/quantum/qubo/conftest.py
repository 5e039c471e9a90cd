"""Random problems small enough to look at every assignment, by a loop that shares no code."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from models.quantum.qubo.constraints import AtMost, Constraint, Exactly, OneOf
from models.quantum.qubo.problem import QuboProblem


def random_problem(
    count: int, *, seed: int, constraints: Sequence[Constraint] = (), share: float = 1.0
) -> QuboProblem:
    """Normal coefficients; only a share of the pairs is joined."""
    rng = np.random.default_rng(seed)
    matrix = np.triu(rng.normal(size=(count, count)))
    matrix[np.triu(rng.random((count, count)) > share, 1)] = 0.0
    names = tuple(f"x{i}" for i in range(count))
    return QuboProblem(names, matrix, float(rng.normal()), tuple(constraints))


def energy(problem: QuboProblem, x: Sequence[int]) -> float:
    """The definition, term by term."""
    found = problem.offset
    for i in range(len(x)):
        for j in range(i, len(x)):
            found += float(problem.matrix[i, j]) * x[i] * x[j]
    return found


def meets(problem: QuboProblem, x: Sequence[int]) -> bool:
    value = dict(zip(problem.names, x, strict=True))
    for one in problem.constraints:
        match one:
            case Exactly():
                good = sum(value[name] for name in one.variables) == one.k
            case OneOf():
                good = sum(value[name] for name in one.variables) == 1
            case AtMost():
                good = sum(weight * value[name] for name, weight in one.weights) <= one.budget
        if not good:
            return False
    return True


def optimum(problem: QuboProblem) -> tuple[float, tuple[int, ...]]:
    """Least energy of all feasible assignments."""
    every = product((0, 1), repeat=len(problem))
    return min((energy(problem, x), x) for x in every if meets(problem, x))


def names(*places: int) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in places)


CASES: dict[str, Callable[[], tuple[Constraint, ...]]] = {
    "free": lambda: (),
    "exactly": lambda: (Exactly("team", names(*range(9)), 4),),
    "none of them": lambda: (Exactly("nobody", names(0, 3, 5), 0),),
    "groups": lambda: (OneOf("a", names(0, 1, 2)), OneOf("b", names(3, 4)), OneOf("c", names(8))),
    "budget": lambda: (AtMost.of("money", {f"x{i}": i + 1 for i in range(9)}, 13),),
    "two budgets": lambda: (
        AtMost.of("money", {f"x{i}": i + 1 for i in range(9)}, 13),
        AtMost.of("time", {f"x{i}": 9 - i for i in range(9)}, 15),
    ),
    "groups and a budget": lambda: (
        OneOf("a", names(0, 1, 2)),
        OneOf("b", names(3, 4, 5)),
        AtMost.of("money", {"x0": 5, "x1": 2, "x2": 1, "x3": 4, "x4": 3, "x5": 1, "x7": 2}, 6),
    ),
    "overlapping counts": lambda: (
        Exactly("team", names(*range(6)), 3),
        Exactly("others", names(4, 5, 6, 7, 8), 2),
    ),
}
"""On nine variables."""


@pytest.fixture(params=sorted(CASES))
def case(request: Any) -> tuple[Constraint, ...]:
    made: tuple[Constraint, ...] = CASES[request.param]()
    return made
