"""Regularised evolution: the best of a few living points by chance has a child; the oldest dies.

Source: Real et al. 2019, "Regularized evolution for image classifier architecture search". Of
populations from 5 to 30 and samples from 3 to 20, ten and ten found most on the NAS-Bench-201 table
with 100 evaluations, on 100 seeds that no result is reported for.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from models.search.space import Point, Space

POPULATION = 10
SAMPLE = 10


def evolve(
    space: Space, loss: Callable[[Point], float], *, trials: int, seed: int
) -> list[tuple[Point, float]]:
    """The points tried, in order, with their losses."""
    rng = np.random.default_rng(seed)
    tried: list[tuple[Point, float]] = []
    alive: deque[tuple[Point, float]] = deque(maxlen=POPULATION)
    for number in range(trials):
        if number < POPULATION:
            point = space.sample(rng, 1)[0]
        else:
            chosen = rng.choice(len(alive), min(SAMPLE, len(alive)), replace=False)
            parent = min((alive[int(place)] for place in chosen), key=lambda one: one[1])
            point = space.mutate(parent[0], rng)
        alive.append((point, loss(point)))
        tried.append(alive[-1])
    return tried
