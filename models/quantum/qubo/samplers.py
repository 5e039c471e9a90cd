"""Tabu search and simulated annealing of the penalty form, by dwave-samplers, with fixed budgets.

Where budgets are, slack makes the penalty form rough, and reads end near a feasible assignment
rather than at one. So the best of them are mended and improved by greedy's steps before one is
chosen; `details` say how good the reads were without that.

Sources: tabu search MST2, Palubeckis 2004, https://doi.org/10.1023/B:ANOR.0000039522.58036.68;
simulated annealing, Kirkpatrick, Gelatt & Vecchi 1983, https://doi.org/10.1126/science.220.4598.671.
"""

import time
from typing import Any

import numpy as np

from models.quantum.qubo.answer import Answer, answer, best_of, ranked
from models.quantum.qubo.components import apart
from models.quantum.qubo.constraints import Bits
from models.quantum.qubo.greedy import improve
from models.quantum.qubo.penalty import Penalised, penalised
from models.quantum.qubo.problem import QuboProblem

FIRST, AGAIN = 400, 100
"""Moves that tabu search looks at, for each variable: at first, and after each restart."""
MENDED = 8
"""Reads that are mended and improved, the best ones."""
MEMORY = 20
"""Moves that are not undone at most; half of the variables where there are fewer than twice that:
penalties of counts make short cycles attractive."""


def tabu(problem: QuboProblem, *, seed: int, reads: int = 32, restarts: int = 10) -> Answer:
    """The best of several tabu searches.

    Args:
        problem: its penalty form is searched; parts that nothing joins, apart.
        seed: of the starts and of ties. No clock: same seed, same answer.
        reads: searches.
        restarts: of each.

    Raises:
        InfeasibleError: the constraints cannot be met together.
    """

    def solve(part: QuboProblem, own: int) -> Answer:
        from dwave.samplers import TabuSampler

        begun = time.perf_counter()
        form = penalised(part)
        found = TabuSampler().sample(
            quadratic_model(form.problem),
            num_reads=reads,
            seed=own,
            timeout=None,  # a limit in seconds would make the answer depend on the machine
            num_restarts=restarts,
            tenure=min(MEMORY, len(form.problem) // 2),
            coefficient_z_first=FIRST,
            coefficient_z_restart=AGAIN,
            lower_bound_z=1,
        )
        moves = reads * len(form.problem) * (FIRST + restarts * AGAIN)
        return _answer(part, form, found, moves, begun, own)

    return apart(problem, solve, seed=seed)


def annealing(problem: QuboProblem, *, seed: int, reads: int = 64, sweeps: int = 500) -> Answer:
    """The best of several runs of simulated annealing.

    Args:
        problem: its penalty form is annealed; parts that nothing joins, apart.
        seed: of everything random.
        reads: runs.
        sweeps: of each; a sweep offers every variable a flip.

    Raises:
        InfeasibleError: the constraints cannot be met together.
    """

    def solve(part: QuboProblem, own: int) -> Answer:
        from dwave.samplers import SimulatedAnnealingSampler

        begun = time.perf_counter()
        form = penalised(part)
        found = SimulatedAnnealingSampler().sample(
            quadratic_model(form.problem), num_reads=reads, num_sweeps=sweeps, seed=own
        )
        return _answer(part, form, found, reads * sweeps * len(form.problem), begun, own)

    return apart(problem, solve, seed=seed)


def quadratic_model(problem: QuboProblem) -> Any:
    """A dimod.BinaryQuadraticModel whose variables are the places 0 to n - 1."""
    from dimod import BinaryQuadraticModel

    rows, columns = np.nonzero(np.triu(problem.matrix, 1))
    pairs = (rows, columns, problem.matrix[rows, columns])
    return BinaryQuadraticModel.from_numpy_vectors(problem.linear, pairs, problem.offset, "BINARY")


def _answer(
    problem: QuboProblem,
    form: Penalised,
    found: Any,
    evaluations: int,
    begun: float,
    seed: int,
) -> Answer:
    x: Bits = np.asarray(found.record.sample, np.int8)[:, np.argsort(found.variables)]
    stripped = form.strip(x)
    feasible = problem.feasible(stripped)
    best = ranked(problem, stripped)
    ends = [improve(problem, one, seed=seed, rule="gain") for one in best[:MENDED]]
    details = {"feasible_share": float(feasible.mean()), "penalty_weight": form.weight}
    if feasible.any():
        details["energy_of_reads"] = float(problem.energies(best[0])[0])
    return answer(
        problem,
        best_of(problem, np.array([*best[:1], *(x for x, _ in ends)])),
        evaluations=evaluations + sum(steps for _, steps in ends),
        seconds=time.perf_counter() - begun,
        details=details,
    )
