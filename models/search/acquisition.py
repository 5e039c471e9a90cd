"""How much a candidate is expected to add to what was found, under a Gaussian belief about it.

With one objective this is the expected improvement on the best (Jones et al. 1998). With more it is
the expected growth of the dominated volume below a reference point, in closed form: the region that
nothing dominates is cut into slabs along the last objective, and in each slab only the points below
it matter, in one objective less (the idea of Emmerich et al. 2011, for independent objectives).

Shapes: P candidates, N points of the front, M objectives, all of them losses.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]


def expected_gain(mean_PM: Floats, deviation_PM: Floats, front_NM: Floats, bound: Floats) -> Floats:
    """Expected growth of the volume between the front and the reference point `bound` (M,), (P,).

    Exact for independent normal objectives; its cost grows with N^(M-1).
    """
    mean, deviation = mean_PM[:, -1], deviation_PM[:, -1]
    if mean_PM.shape[1] == 1:
        best = min([float(bound[0]), *front_NM[:, 0].tolist()])
        return shortfall(best, mean, deviation)
    gain = np.zeros(len(mean))
    levels = np.unique(front_NM[:, -1])
    levels = levels[levels < bound[-1]]
    reached = np.zeros(len(mean))  # E[(low - y)+] of the slab's floor; none below minus infinity
    for low, high in zip([-np.inf, *levels], [*levels, bound[-1]], strict=True):
        below = front_NM[front_NM[:, -1] <= low][:, :-1]
        top = shortfall(float(high), mean, deviation)
        area = expected_gain(mean_PM[:, :-1], deviation_PM[:, :-1], below, bound[:-1])
        gain += (top - reached) * area
        reached = top
    return gain


def shortfall(threshold: float, mean: Floats, deviation: Floats) -> Floats:
    """E[max(0, threshold - y)] of normal y, (P,)."""
    z = (threshold - mean) / deviation
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    found: Floats = deviation * (z * ndtr(z) + density)
    return np.maximum(found, 0.0)  # far below the threshold the two terms cancel to about -1e-17
