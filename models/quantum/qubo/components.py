"""A problem that falls apart: its parts are solved on their own, and their answers joined.

Two variables belong together where a quadratic term or a constraint joins them. The best answer of
the whole is then the best of each part, so that nothing is lost and much is gained: two parts of 20
variables have 2 * 2^20 assignments, not 2^40.
"""

import time
from collections.abc import Callable

import numpy as np

from models.quantum.qubo.answer import Answer, answer, check_seed
from models.quantum.qubo.feasible import check_feasible
from models.quantum.qubo.problem import QuboProblem

PARTS = "parts"
"""Name of the figure that says how many parts a problem had."""


def components(problem: QuboProblem) -> list[tuple[int, ...]]:
    """Places of the variables that belong together, each part rising, parts by their first."""
    owner = list(range(len(problem)))

    def root(i: int) -> int:
        while owner[i] != i:
            owner[i] = owner[owner[i]]
            i = owner[i]
        return i

    def join(i: int, j: int) -> None:
        low, high = sorted((root(i), root(j)))
        owner[high] = low

    place = {name: i for i, name in enumerate(problem.names)}
    for i, j in np.argwhere(np.triu(problem.matrix, 1)).tolist():
        join(i, j)
    for constraint in problem.constraints:
        first, *others = (place[name] for name in constraint.variables)
        for other in others:
            join(first, other)
    parts: dict[int, list[int]] = {}
    for i in range(len(problem)):
        parts.setdefault(root(i), []).append(i)
    return [tuple(part) for part in parts.values()]


def part_of(problem: QuboProblem, places: tuple[int, ...]) -> QuboProblem:
    """One part by itself, without the offset."""
    names = tuple(problem.names[i] for i in places)
    own = set(names)
    constraints = tuple(one for one in problem.constraints if own & set(one.variables))
    return QuboProblem(names, problem.matrix[np.ix_(places, places)].copy(), 0.0, constraints)


def apart(
    problem: QuboProblem, solve: Callable[[QuboProblem, int], Answer], *, seed: int
) -> Answer:
    """Solve each part and join the answers.

    A variable that stands alone is 1 where that lowers the energy.

    Args:
        problem: any.
        solve: part and seed to its answer.
        seed: each part gets one of its own.

    Raises:
        InfeasibleError: the constraints cannot be met together.
        ValueError: the seed is out of range.
    """
    check_seed(seed)
    check_feasible(problem)
    begun = time.perf_counter()
    parts = components(problem)
    if len(parts) == 1 and len(problem) > 1:
        found = solve(problem, seed)
        details = {**found.details, PARTS: 1.0}
        x = list(found.assignment.values())
        return answer(
            problem, x, evaluations=found.evaluations, seconds=_since(begun), details=details
        )
    whole = np.zeros(len(problem), np.int8)
    evaluations = 0
    seeds = np.random.SeedSequence(seed).generate_state(len(parts)) >> 1
    for places, own in zip(parts, seeds.tolist(), strict=True):
        part = part_of(problem, places)
        if len(places) == 1 and not part.constraints:
            whole[places[0]] = part.matrix[0, 0] < 0
            evaluations += 2
            continue
        found = solve(part, own)
        whole[list(places)] = list(found.assignment.values())
        evaluations += found.evaluations
    details = {PARTS: float(len(parts))}
    return answer(problem, whole, evaluations=evaluations, seconds=_since(begun), details=details)


def _since(begun: float) -> float:
    return time.perf_counter() - begun
