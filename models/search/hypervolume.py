"""How much of the space below a reference point a set of points dominates: one number for a front.

All objectives are losses, less is better, and only what lies below the reference point counts.
Exact in two dimensions (a staircase) and three (staircases stacked along the third objective).

Shapes: N points, M objectives, T trials.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.search.pareto import front


def hypervolume(losses_NM: NDArray[np.float64], reference: Sequence[float]) -> float:
    """Volume dominated by the points and bounded by the reference point.

    Raises:
        ValueError: neither two nor three objectives, or a reference point of another length.
    """
    count = losses_NM.shape[1]
    if count != len(reference):
        raise ValueError(f"the reference point has {len(reference)} of {count} objectives")
    if count not in (2, 3):
        raise ValueError(f"{count} objectives: the hypervolume is exact for 2 or 3")
    bound = np.asarray(reference, dtype=np.float64)
    below = losses_NM[(losses_NM < bound).all(axis=1)]
    return _area(below, bound) if count == 2 else _volume(below, bound)


def curve(losses_TM: NDArray[np.float64], reference: Sequence[float]) -> NDArray[np.float64]:
    """The hypervolume after each trial, (T,)."""
    found = np.zeros(len(losses_TM))
    kept = losses_TM[:0]
    for trial, row in enumerate(losses_TM):
        kept = np.concatenate([kept, row[None]])
        kept = kept[front(kept)]
        found[trial] = hypervolume(kept, reference)
    return found


def nadir(losses_NM: NDArray[np.float64]) -> NDArray[np.float64]:
    """The worst value of each objective on the front, (M,): the tightest reference point."""
    worst: NDArray[np.float64] = losses_NM[front(losses_NM)].max(axis=0)
    return worst


def _area(points: NDArray[np.float64], bound: NDArray[np.float64]) -> float:
    stairs = points[front(points)]  # the first objective rises, the second falls
    ceilings = np.concatenate([bound[1:], stairs[:-1, 1]])
    return float(((bound[0] - stairs[:, 0]) * (ceilings - stairs[:, 1])).sum())


def _volume(points: NDArray[np.float64], bound: NDArray[np.float64]) -> float:
    """Between two levels of the third objective, what dominates is a flat front of those below."""
    levels = np.unique(points[:, 2])
    tops = np.append(levels, bound[2])[1:]
    return sum(
        _area(points[points[:, 2] <= level, :2], bound[:2]) * float(top - level)
        for level, top in zip(levels, tops, strict=True)
    )
