"""Take the best step that is allowed, again and again, until none helps.

It starts where all constraints are met: counts are filled one variable at a time with whatever
costs least; where there are budgets, from the assignment that uses least of them. A step changes
one variable or two at once, and keeps to all constraints. Steps that use no more of a budget go
first, then the one that gains most for what it uses.

Source: greedy by density with exchange steps, as for knapsacks: Kellerer, Pferschy & Pisinger 2004,
https://doi.org/10.1007/978-3-540-24777-7, chapters 2 and 11.

Shapes: n variables, M steps, C constraints.
"""

import time

import numpy as np
import numpy.typing as npt

from models.quantum.qubo.answer import Answer, answer
from models.quantum.qubo.blocks import Product
from models.quantum.qubo.components import apart
from models.quantum.qubo.constraints import AtMost, Bits, row
from models.quantum.qubo.feasible import cheapest
from models.quantum.qubo.problem import Floats, QuboProblem

GAIN = 1e-12
"""Of the largest coefficient: less is rounding."""


def greedy(problem: QuboProblem, *, seed: int) -> Answer:
    """A feasible assignment that no single step improves.

    Args:
        problem: parts that nothing joins are solved apart.
        seed: which of equal steps goes first.

    Raises:
        InfeasibleError: the constraints cannot be met together.
    """

    def solve(part: QuboProblem, own: int) -> Answer:
        begun = time.perf_counter()
        x, looked_at = _descend(part, *_start(part), np.random.default_rng(own))
        return answer(part, x, evaluations=looked_at, seconds=time.perf_counter() - begun)

    return apart(problem, solve, seed=seed)


def _start(problem: QuboProblem) -> tuple[Bits, int]:
    """A feasible assignment, and how many steps were looked at to find it."""
    product = Product.of(problem)
    if product.left:
        return cheapest(problem, _use(problem)), 1
    x = np.zeros(len(problem), np.int8)
    looked_at, felt, linear = 0, problem.symmetric, problem.linear
    for block in product.blocks:
        members = np.array(block.variables)
        for _ in range(block.k or 0):
            open_ = members[x[members] == 0]
            change = linear[open_] + felt[open_] @ x
            x[open_[change.argmin()]] = 1
            looked_at += len(open_)
    return x, looked_at


def _use(problem: QuboProblem) -> Floats:
    """What each variable takes of all budgets, in shares of them, (n,)."""
    use = np.zeros(len(problem))
    for one in problem.constraints:
        if isinstance(one, AtMost):
            use += row(one, problem.names) / max(one.budget, 1)
    return use


def _descend(
    problem: QuboProblem, x: Bits, looked_at: int, rng: np.random.Generator
) -> tuple[Bits, int]:
    """Improving steps until there is none."""
    first_M, second_M = _steps(problem)
    order = rng.permutation(len(first_M))
    first_M, second_M = first_M[order], second_M[order]
    felt, linear, use = problem.symmetric, problem.linear, _use(problem)
    rows_Cn = np.array([row(one, problem.names) for one in problem.constraints], np.int64)
    rows_Cn = rows_Cn.reshape(len(problem.constraints), len(problem))
    least = -GAIN * max(float(np.abs(problem.matrix).max()), 1e-300)
    pairs = first_M != second_M
    while True:
        sign = 1 - 2 * x.astype(int)
        change = sign * (linear + felt @ x)
        change_M = change[first_M] + np.where(
            pairs,
            change[second_M] + sign[first_M] * sign[second_M] * felt[first_M, second_M],
            0.0,
        )
        moved_CM = rows_Cn[:, first_M] * sign[first_M]
        moved_CM = moved_CM + np.where(pairs, rows_Cn[:, second_M] * sign[second_M], 0)
        used_M = use[first_M] * sign[first_M]
        used_M = used_M + np.where(pairs, use[second_M] * sign[second_M], 0.0)
        good = (change_M < least) & _allowed(problem, rows_Cn @ x, moved_CM)
        looked_at += len(first_M)
        if not good.any():
            return x, looked_at
        free = good & (used_M <= 0)
        score_M = change_M if free.any() else change_M / np.where(used_M > 0, used_M, 1.0)
        best = int(np.where(free if free.any() else good, score_M, np.inf).argmin())
        x = x.copy()
        x[first_M[best]] ^= 1
        if pairs[best]:
            x[second_M[best]] ^= 1


def _steps(problem: QuboProblem) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of variables that change together; twice the same one where it changes alone."""
    singles = [(i, i) for i in range(len(problem))]
    pairs = [(i, j) for i in range(len(problem)) for j in range(i)]
    first, second = np.array(singles + pairs, np.int64).T
    return first, second


def _allowed(
    problem: QuboProblem, sums_C: npt.NDArray[np.int64], moved_CM: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Which steps keep to all constraints, (M,)."""
    allowed = np.ones(moved_CM.shape[1], bool)
    for one, total, moved_M in zip(problem.constraints, sums_C, moved_CM, strict=True):
        if isinstance(one, AtMost):
            allowed &= total + moved_M <= one.budget
        else:
            allowed &= moved_M == 0
    return allowed
