"""All solvers side by side on one problem: a table, and the best feasible answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from models.quantum.qubo.answer import Answer, RefusedError, Solver, check_seed
from models.quantum.qubo.draws import draws
from models.quantum.qubo.exact import exact
from models.quantum.qubo.greedy import greedy
from models.quantum.qubo.problem import QuboProblem
from models.quantum.qubo.qaoa import TRANSFERRED, qaoa
from models.quantum.qubo.samplers import annealing, tabu

SOLVERS: Mapping[str, Solver] = {
    "exact": exact,
    "greedy": greedy,
    "tabu": tabu,
    "annealing": annealing,
    "random draws": draws,
    "qaoa": qaoa,
    "qaoa with given angles": partial(qaoa, angles=TRANSFERRED),
}
"""By the name that tables show. Of equally good answers, that of the first is taken."""


@dataclass(frozen=True)
class Line:
    """One solver's part of the table.

    Args:
        solver: its name.
        answer: None where it refused.
        gap: its energy above the best feasible one; below 0 only where it is infeasible.
        refusal: why it refused, or "".
    """

    solver: str
    answer: Answer | None
    gap: float | None
    refusal: str

    def plain(self) -> dict[str, Any]:
        """As JSON types, for a table."""
        told = self.answer
        return {
            "solver": self.solver,
            "energy": told.energy if told else None,
            "gap": self.gap,
            "feasible": told.feasible if told else None,
            "evaluations": told.evaluations if told else None,
            "seconds": told.seconds if told else None,
            "refusal": self.refusal,
        }


@dataclass(frozen=True)
class Comparison:
    """What all solvers said.

    Args:
        lines: one a solver, in the order in which they were asked.
        best: the feasible answer with the least energy.
        solver: whose it is.
    """

    lines: tuple[Line, ...]
    best: Answer
    solver: str

    def plain(self) -> list[dict[str, Any]]:
        """The table as JSON types."""
        return [line.plain() for line in self.lines]

    def sentence(self) -> str:
        """The table in one line of text."""
        told = [
            f"{line.solver} +{line.gap:.3g}"
            if line.answer and line.answer.feasible
            else f"{line.solver} {'infeasible' if line.answer else 'refused'}"
            for line in self.lines
        ]
        return f"taken from {self.solver}, energy {self.best.energy:.4g} ({', '.join(told)})"


class NoAnswerError(RuntimeError):
    """No solver found a feasible assignment, though there is one."""


def side_by_side(
    problem: QuboProblem, *, seed: int, solvers: Mapping[str, Solver] = SOLVERS
) -> Comparison:
    """Ask all solvers; those that refuse say why in the table.

    Args:
        problem: to be decided.
        seed: of each solver.
        solvers: by name, in the order in which ties are decided.

    Raises:
        InfeasibleError: the constraints cannot be met together; names them.
        NoAnswerError: every solver refused or missed a constraint.
        ValueError: the seed is out of range, or there are no solvers.
    """
    check_seed(seed)
    if not solvers:
        raise ValueError(f"no solvers: take some of {', '.join(SOLVERS)}")
    asked: list[tuple[str, Answer | None, str]] = []
    for name, solve in solvers.items():
        try:
            asked.append((name, solve(problem, seed=seed), ""))
        except RefusedError as error:
            asked.append((name, None, str(error)))
    good = [(name, told) for name, told, _ in asked if told is not None and told.feasible]
    if not good:
        raise NoAnswerError(f"no feasible answer of {_fates(asked)}: give them more to spend")
    solver, best = good[0]
    for name, told in good[1:]:
        if told.energy < best.energy - CLOSE * max(1.0, abs(best.energy)):
            solver, best = name, told
    lines = tuple(
        Line(name, told, None if told is None else told.energy - best.energy, refusal)
        for name, told, refusal in asked
    )
    return Comparison(lines, best, solver)


CLOSE = 1e-12
"""Energies this close, relatively, differ by rounding."""


def _fates(asked: Sequence[tuple[str, Answer | None, str]]) -> str:
    return "; ".join(f"{name}: {refusal or 'infeasible'}" for name, _, refusal in asked)
