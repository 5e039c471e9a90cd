"""Which points no other point beats, and the closest one to a target that was missed.

All objectives are losses here: less is better. `losses` turns what is maximised around.

Shapes: N points, M objectives.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def losses(values: ArrayLike, maximise: Sequence[bool]) -> NDArray[np.float64]:
    """(N, M) measured values to losses, the sign of what is maximised turned around.

    Raises:
        ValueError: another number of columns than of objectives, or a value that is no number.
    """
    values_NM = np.asarray(values, dtype=np.float64).reshape(-1, len(maximise))
    if not np.isfinite(values_NM).all():
        row = int(np.argmin(np.isfinite(values_NM).all(axis=1)))
        raise ValueError(f"point {row} holds {values_NM[row].tolist()}: objectives must be finite")
    return np.where(maximise, -values_NM, values_NM)


def front(losses_NM: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows that no other row dominates, by the first objective; of equal rows the first alone.

    A row dominates another that it equals or beats in every objective and beats in one.
    """
    kept: list[int] = []
    for row in np.lexsort(losses_NM.T[::-1]):  # no row dominates an earlier one
        ahead = losses_NM[kept]
        if not (ahead <= losses_NM[row]).all(axis=1).any():
            kept.append(int(row))
    return np.array(kept, dtype=np.int64)


def ranks(losses_NM: NDArray[np.float64]) -> NDArray[np.int64]:
    """Non-dominated sort: 0 for the front, 1 for the front of what is left, and so on.

    Equal rows share a rank. Source: Deb et al. 2002, "A fast and elitist multiobjective genetic
    algorithm: NSGA-II".
    """
    distinct, place = np.unique(losses_NM, axis=0, return_inverse=True)
    found = np.full(len(distinct), -1, dtype=np.int64)
    rank = 0
    while (left := np.flatnonzero(found < 0)).size:
        found[left[front(distinct[left])]] = rank
        rank += 1
    return found[place.reshape(-1)]


def misses(losses_NM: NDArray[np.float64], limits: Sequence[float | None]) -> NDArray[np.float64]:
    """By how much each row misses each limit, (N, M): 0.2 is 20 % above it, 0 keeps it.

    Args:
        losses_NM: the points.
        limits: the highest loss allowed for each objective; none where there is no limit. A limit
            of zero has no share to miss by: the distance itself counts.

    Raises:
        ValueError: another number of limits than of objectives.
    """
    if len(limits) != losses_NM.shape[1]:
        raise ValueError(f"{len(limits)} limits for {losses_NM.shape[1]} objectives: give each one")
    highest = np.array([np.inf if limit is None else limit for limit in limits])
    unit = np.where(np.isfinite(highest) & (highest != 0), np.abs(highest), 1.0)
    missed: NDArray[np.float64] = np.maximum(0.0, losses_NM - highest) / unit
    return missed


def closest(losses_NM: NDArray[np.float64], limits: Sequence[float | None]) -> int:
    """The row that misses its worst limit by least; among those, the other limits by least.

    So a row that keeps every limit is found if there is one, the best in the first objective if
    several do.

    Raises:
        ValueError: no points, or another number of limits than of objectives.
    """
    if len(losses_NM) == 0:
        raise ValueError("no point was measured: there is none closest to the limits")
    missed = misses(losses_NM, limits)
    keys = [*losses_NM.T[::-1], missed.sum(axis=1), missed.max(axis=1)]
    return int(np.lexsort(keys)[0])
