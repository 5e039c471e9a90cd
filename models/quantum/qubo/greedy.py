"""Take the best step that is allowed, again and again, until none helps.

It starts where all constraints are met: counts are filled one variable at a time with whatever
costs least; where there are budgets, from the assignment that uses least of them. A step changes
one variable or two at once, and keeps to all constraints. Two rules say which is best, and the
better end is taken: the largest gain; and the largest gain for what is used of the budgets, after
steps that use no more of them.

Source: greedy by density with exchange steps, as for knapsacks: Kellerer, Pferschy & Pisinger 2004,
https://doi.org/10.1007/978-3-540-24777-7, chapters 2 and 11.

Shapes: n variables, M steps, C constraints.
"""

import time
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.quantum.qubo.answer import Answer, answer, best_of
from models.quantum.qubo.blocks import Product
from models.quantum.qubo.components import apart
from models.quantum.qubo.constraints import AtMost, Bits, Whole, row, violation
from models.quantum.qubo.feasible import cheapest
from models.quantum.qubo.problem import Floats, QuboProblem

GAIN = 1e-12
"""Of the largest coefficient: less is rounding."""
Rule = Literal["gain", "density"]
RULES: tuple[Rule, ...] = ("gain", "density")


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
        start, looked_at = _start(part)
        budgets = any(isinstance(one, AtMost) for one in part.constraints)
        rules = RULES if budgets else RULES[:1]  # without budgets, they say the same
        ends = [improve(part, start, seed=own, rule=rule) for rule in rules]
        return answer(
            part,
            best_of(part, np.array([x for x, _ in ends])),
            evaluations=looked_at + sum(steps for _, steps in ends),
            seconds=time.perf_counter() - begun,
        )

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


def improve(problem: QuboProblem, start: Bits, *, seed: int, rule: Rule) -> tuple[Bits, int]:
    """Steps until none helps; from an assignment that misses constraints, first those that mend it.

    Args:
        problem: any.
        start: (n,).
        seed: which of equal steps goes first.
        rule: which step is the best one.

    Returns:
        Where it ends, (n,), and how many steps were looked at.
    """
    x = start.copy()
    first_M, second_M = _steps(problem, seed)
    pairs_M = first_M != second_M
    felt, linear, use = problem.symmetric, problem.linear, _use(problem)
    rows_Cn = [row(one, problem.names) for one in problem.constraints]
    least = -GAIN * max(float(np.abs(problem.matrix).max()), 1e-300)
    looked_at = 0
    while True:
        sign = 1 - 2 * x.astype(int)
        change = sign * (linear + felt @ x)
        joined_M = sign[first_M] * sign[second_M] * felt[first_M, second_M]
        change_M = change[first_M] + np.where(pairs_M, change[second_M] + joined_M, 0.0)
        misses, misses_M = 0, np.zeros(len(first_M), np.int64)
        for one, own_n in zip(problem.constraints, rows_Cn, strict=True):
            total, moved = own_n @ x, own_n * sign
            moved_M = moved[first_M] + np.where(pairs_M, moved[second_M], 0)
            misses += int(violation(one, np.array(total)))
            misses_M += violation(one, total + moved_M)
        looked_at += len(first_M)
        if misses:
            good_M = (misses_M < misses) & (misses_M == misses_M.min())
            score_M = change_M
        else:
            good_M = (change_M < least) & (misses_M == 0)
            score_M = change_M
            if rule == "density":
                used = use * sign
                used_M = used[first_M] + np.where(pairs_M, used[second_M], 0.0)
                good_M, score_M = _by_density(good_M, change_M, used_M)
        if not good_M.any():
            return x, looked_at
        best = int(np.where(good_M, score_M, np.inf).argmin())
        for place in {int(first_M[best]), int(second_M[best])}:
            x[place] ^= 1


def _by_density(
    good_M: npt.NDArray[np.bool_], change_M: Floats, used_M: Floats
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Steps that use no more of the budgets, where there are any; else gains for what is used."""
    free_M = good_M & (used_M <= 0)
    if free_M.any():
        return free_M, change_M
    return good_M, change_M / np.where(used_M > 0, used_M, 1.0)


def _steps(problem: QuboProblem, seed: int) -> tuple[Whole, Whole]:
    """Pairs of variables that change together; twice the same one where it changes alone."""
    made = np.transpose(np.tril_indices(len(problem)))
    first, second = np.random.default_rng(seed).permutation(made).T
    return first, second
