"""Constraints as penalties: a problem without constraints whose least energy is that of the best
feasible assignment.

Exactly k: weight * (sum x - k)^2. At most a budget: weight * (sum w x + slack - budget)^2, where
slack is a sum of further variables that reaches every whole number from 0 to the budget.

The weight is sound: no infeasible assignment has as little energy as the best feasible one. Two
arguments give one each, and the smaller is taken.

1. Where all constraints are counts that share no variable, or all are budgets, an assignment that
   misses them by v in all becomes feasible by v flips or fewer, each of which costs at most D, the
   largest change that one flip can make. It pays weight * v^2 or more, so any weight above D is
   enough.
2. Always: an infeasible assignment pays the weight at least once, and no energy is below a bound L.
   So any weight above E(x) - L is enough, for any feasible x.

Source: Lucas 2014, https://arxiv.org/abs/1302.5843 (penalty forms, logarithmic slack); Glover,
Kochenberger & Du 2019, https://arxiv.org/abs/1811.11538.
"""

from dataclasses import dataclass

import numpy as np

from models.quantum.qubo.blocks import Product
from models.quantum.qubo.constraints import AtMost, Bits, row
from models.quantum.qubo.feasible import cheapest, check_feasible
from models.quantum.qubo.problem import Floats, QuboProblem

MARGIN = 1.001
"""Above what the arguments ask for, so that no rounding makes a tie of it."""


@dataclass(frozen=True)
class Penalised:
    """A problem in penalty form.

    Args:
        problem: without constraints; the first variables are those of the original.
        weight: of the penalties.
        original: how many variables the original has; the others are slack.
    """

    problem: QuboProblem
    weight: float
    original: int

    def strip(self, x: Bits) -> Bits:
        """(B, n with slack) to the original's variables."""
        return x[:, : self.original]


def penalised(problem: QuboProblem) -> Penalised:
    """The penalty form of a problem.

    Raises:
        InfeasibleError: its constraints cannot be met together.
    """
    if not problem.constraints:
        return Penalised(problem, 0.0, len(problem))
    weight = penalty_weight(problem)
    names, rows, aims = list(problem.names), list[Floats](), list[float]()
    widths = list[tuple[int, list[int]]]()
    for constraint in problem.constraints:
        own = row(constraint, problem.names).astype(float)
        budget = constraint.budget if isinstance(constraint, AtMost) else 0
        steps = slack(budget) if isinstance(constraint, AtMost) else []
        widths.append((len(names), steps))
        names += [_free(f"slack {constraint.name} {step}", names) for step in range(len(steps))]
        rows.append(own)
        aims.append(float(budget if isinstance(constraint, AtMost) else constraint.k))
    matrix = np.zeros((len(names), len(names)))
    matrix[: len(problem), : len(problem)] = problem.matrix
    offset = problem.offset
    for own, aim, (start, steps) in zip(rows, aims, widths, strict=True):
        whole = np.zeros(len(names))
        whole[: len(problem)] = own
        whole[start : start + len(steps)] = steps
        # (w.x - aim)^2 = sum_i (w_i^2 - 2 aim w_i) x_i + 2 sum_{i<j} w_i w_j x_i x_j + aim^2
        matrix += weight * (2 * np.triu(np.outer(whole, whole), 1))
        matrix += weight * np.diag(whole**2 - 2 * aim * whole)
        offset += weight * aim**2
    return Penalised(QuboProblem(tuple(names), matrix, offset), weight, len(problem))


def penalty_weight(problem: QuboProblem) -> float:
    """A sound weight: 1 where nothing is decided by energies.

    Raises:
        InfeasibleError: the constraints cannot be met together.
    """
    check_feasible(problem)
    counts = not Product.of(problem).left
    budgets = all(isinstance(one, AtMost) for one in problem.constraints)
    found = [_global(problem)] if not counts else []
    if counts or budgets:
        found.append(_flip(problem))
    weight = min(found) * MARGIN
    return weight if weight > 0 else 1.0


def slack(budget: int) -> list[int]:
    """Steps 1, 2, 4, ..., rest: their sums are the whole numbers from 0 to the budget."""
    steps, reach = list[int](), 0
    while reach < budget:
        steps.append(min(reach + 1, budget - reach))
        reach += steps[-1]
    return steps


def _flip(problem: QuboProblem) -> float:
    """The most that the energy can change when a variable that is in a constraint changes."""
    counted = {name for one in problem.constraints for name in one.variables}
    mine = np.array([name in counted for name in problem.names])
    felt = problem.symmetric
    high = problem.linear + np.maximum(felt, 0).sum(1)
    low = problem.linear + np.minimum(felt, 0).sum(1)
    return float(np.maximum(np.abs(high), np.abs(low))[mine].max())


def _global(problem: QuboProblem) -> float:
    """From a lower bound of all energies to the energy of a feasible assignment."""
    reached = float(problem.energies(cheapest(problem, problem.linear))[0])
    # Half of each quadratic term is counted with either of its variables.
    each = problem.linear + np.minimum(problem.symmetric, 0).sum(1) / 2
    return reached - (problem.offset + float(np.minimum(each, 0).sum()))


def _free(name: str, taken: list[str]) -> str:
    while name in taken:
        name += "'"
    return name
