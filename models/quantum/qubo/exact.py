"""The best answer there is, by looking at all that could be it; or a refusal that says how many.

Three ways, the first that can:

1. Enumeration of the assignments that meet all counts, in two halves: an energy is that of either
   half plus what joins them, so that most of the work is one product of matrices.
2. No quadratic term: an integer programme (HiGHS), which proves its optimum.
3. Tree decomposition of the penalty form, where variables are joined so loosely that its treewidth
   is small (dwave-samplers).

Shapes: n variables, H and L states of the two halves.
"""

import time

import numpy as np
import numpy.typing as npt

from models.quantum.qubo.answer import Answer, RefusedError, answer, best_of
from models.quantum.qubo.blocks import Block, Product, halves
from models.quantum.qubo.components import apart
from models.quantum.qubo.constraints import Bits, Constraint, row, violation
from models.quantum.qubo.feasible import cheapest
from models.quantum.qubo.penalty import penalised
from models.quantum.qubo.problem import QuboProblem
from models.quantum.qubo.samplers import quadratic_model

LARGEST = 2**24
"""Assignments that are enumerated."""
AT_ONCE = 2**20
"""Energies that are held at a time: 8 MiB."""
WIDEST = 18
"""Treewidth up to which tables are built: 2^(treewidth + 1) numbers each."""


def exact(problem: QuboProblem, *, seed: int = 0, largest: int = LARGEST) -> Answer:
    """The best feasible assignment; of several the first in the order of enumeration.

    Args:
        problem: parts that nothing joins are solved apart, each up to the limits.
        seed: no part of the result.
        largest: assignments to enumerate at most.

    Raises:
        RefusedError: too many assignments, and no other way; says how many.
        InfeasibleError: the constraints cannot be met together.
    """

    def solve(part: QuboProblem, _: int) -> Answer:
        begun = time.perf_counter()
        x, evaluations = _solve(part, largest)
        return answer(part, x, evaluations=evaluations, seconds=time.perf_counter() - begun)

    return apart(problem, solve, seed=seed)


def _solve(problem: QuboProblem, largest: int) -> tuple[Bits, int]:
    product = Product.of(problem)
    if product.size <= largest:
        return _enumerated(problem, product), product.size
    if not np.triu(problem.matrix, 1).any():
        return cheapest(problem, problem.linear), 1
    form = penalised(problem)
    width = _degeneracy(form.problem)
    if width <= WIDEST:
        from dwave.samplers.tree.utilities import min_fill_heuristic

        model = quadratic_model(form.problem)
        width, order = min_fill_heuristic(model)
    if width > WIDEST:
        raise RefusedError(
            f"exact: {len(problem)} variables have {product.size:.3g} assignments that meet the "
            f"counts, {largest:,} are enumerated at most; and a tree decomposition has width "
            f"{width}, {WIDEST} at most: take greedy, tabu or annealing"
        )
    from dwave.samplers import TreeDecompositionSolver

    found = TreeDecompositionSolver().sample(model, elimination_order=order)
    x = np.asarray(found.record.sample, np.int8)[:, np.argsort(found.variables)]
    return best_of(problem, form.strip(x)), 2**width * len(model)


def _degeneracy(problem: QuboProblem) -> int:
    """A lower bound of the treewidth: some part has no variable with fewer neighbours.

    The heuristic that finds an order needs hours where thousands of variables are all joined.
    """
    joined = problem.symmetric != 0
    degrees = joined.sum(0).astype(float)
    most = 0
    for _ in range(len(problem)):
        least = int(degrees.argmin())
        most = max(most, int(degrees[least]))
        degrees[joined[least]] -= 1
        degrees[least] = np.inf
    return most


def _enumerated(problem: QuboProblem, product: Product) -> Bits:
    high, low = halves(product.blocks)
    x_Hn, x_Ln = _states(high, len(problem)), _states(low, len(problem))
    if len(x_Hn) < len(x_Ln):
        x_Hn, x_Ln = x_Ln, x_Hn  # rows are taken in turns, columns at once
    own_H = problem.energies(x_Hn) - problem.offset
    own_L = problem.energies(x_Ln) - problem.offset
    joins = x_Hn.astype(float) @ problem.symmetric
    sums = [
        (one, x_Hn.astype(np.int64) @ row(one, problem.names), x_Ln @ row(one, problem.names))
        for one in product.left
    ]
    least, where = np.inf, (0, 0)
    step = max(1, AT_ONCE // len(x_Ln))
    lower = x_Ln.astype(float).T
    for start in range(0, len(x_Hn), step):
        rows = slice(start, start + step)
        energy_HL = own_H[rows, None] + own_L + joins[rows] @ lower
        for constraint, sum_H, sum_L in sums:
            energy_HL[_missed(constraint, sum_H[rows, None] + sum_L)] = np.inf
        best = int(energy_HL.argmin())
        i, j = divmod(best, energy_HL.shape[1])
        if energy_HL[i, j] < least:
            least, where = float(energy_HL[i, j]), (start + i, j)
    best_n: Bits = x_Hn[where[0]] + x_Ln[where[1]]
    return best_n


def _missed(constraint: Constraint, sums: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return violation(constraint, sums) > 0


def _states(blocks: tuple[Block, ...], count: int) -> Bits:
    """All combinations of some blocks, (states, n); one empty state of no blocks."""
    product = Product(blocks, ())
    return product.assignments(np.arange(product.size), count)
