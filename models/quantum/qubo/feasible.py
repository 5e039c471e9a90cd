"""Whether constraints can be met together, a point that meets them, and names where none does.

Counts that share no variable can always be met; the rest is asked of HiGHS, an exact solver of
integer programmes in scipy: https://highs.dev.
"""

from collections.abc import Sequence

import numpy as np

from models.quantum.qubo.blocks import Product
from models.quantum.qubo.constraints import AtMost, Bits, Constraint, row, violation
from models.quantum.qubo.problem import Floats, QuboProblem


class InfeasibleError(ValueError):
    """Constraints that no assignment meets together; names them."""


def check_feasible(problem: QuboProblem) -> None:
    """Refuse constraints that cannot be met together.

    Raises:
        InfeasibleError: names a smallest set of them: without any one of it, the others can be met.
    """
    if Product.of(problem).left:
        cheapest(problem, np.zeros(len(problem)))


def cheapest(problem: QuboProblem, cost: Floats) -> Bits:
    """The feasible assignment (n,) with the least sum of costs; quadratic terms are not looked at.

    Args:
        problem: its constraints are met.
        cost: (n,) of setting each variable.

    Raises:
        InfeasibleError: there is none; names the constraints.
    """
    found = _least(problem, problem.constraints, cost)
    if found is None:
        names = " and ".join(repr(one.name) for one in _culprits(problem))
        raise InfeasibleError(
            f"no assignment meets {names}: loosen one of them, or take other variables"
        )
    return found


def _least(problem: QuboProblem, constraints: Sequence[Constraint], cost: Floats) -> Bits | None:
    if not constraints:
        return (cost < 0).astype(np.int8)
    from scipy.optimize import LinearConstraint, milp

    rows = np.array([row(one, problem.names) for one in constraints])
    ends = [(0, one.budget) if isinstance(one, AtMost) else (one.k, one.k) for one in constraints]
    low, high = np.array(ends, float).T
    solved = milp(
        cost,
        integrality=np.ones(len(problem)),
        bounds=(0, 1),
        constraints=LinearConstraint(rows, low, high),
        options={"mip_rel_gap": 0.0},
    )
    if solved.x is None:
        return None
    x: Bits = np.rint(solved.x).astype(np.int8)
    # Its tolerance is 1e-6 of floats; ours is none.
    if any(violation(one, rows[i] @ x) for i, one in enumerate(constraints)):
        raise ArithmeticError(f"HiGHS rounded past {[one.name for one in constraints]}")
    return x


def _culprits(problem: QuboProblem) -> list[Constraint]:
    """A set of constraints that cannot be met, each needed for that."""
    kept = list(problem.constraints)
    nothing = np.zeros(len(problem))
    for one in problem.constraints:
        others = [other for other in kept if other is not one]
        if _least(problem, others, nothing) is None:
            kept = others
    return kept
