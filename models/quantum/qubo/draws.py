"""The best of some random draws: what a solver that measures as often must beat.

Draws meet the counts (models/quantum/qubo/blocks.py), as QAOA's measurements do. In a space of a
thousand states, a thousand draws find a good one without any method.
"""

import time

import numpy as np

from models.quantum.qubo.answer import Answer, answer, best_of
from models.quantum.qubo.blocks import Product
from models.quantum.qubo.components import apart
from models.quantum.qubo.problem import QuboProblem


def draws(problem: QuboProblem, *, seed: int, shots: int = 1024) -> Answer:
    """The best of uniform draws among the assignments that meet the counts.

    Args:
        problem: parts that nothing joins are drawn apart.
        seed: of the draws.
        shots: how many.

    Raises:
        InfeasibleError: the constraints cannot be met together.
        ValueError: fewer than 1 shot.
    """
    if shots < 1:
        raise ValueError(f"shots={shots}: 1 or more")

    def solve(part: QuboProblem, own: int) -> Answer:
        begun = time.perf_counter()
        rng = np.random.default_rng(own)
        x = np.zeros((shots, len(part)), np.int8)
        for block in Product.of(part).blocks:
            keys = rng.random((shots, len(block.variables)))
            ones = keys < 0.5 if block.k is None else keys.argsort(1).argsort(1) < block.k
            x[:, list(block.variables)] = ones
        return answer(
            part, best_of(part, x), evaluations=shots, seconds=time.perf_counter() - begun
        )

    return apart(problem, solve, seed=seed)
