"""One score for a sample of several modalities."""

from collections.abc import Sequence

import numpy as np


def overall(scores: Sequence[float]) -> float:
    """Geometric mean of the scores of the modalities that are present.

    A worthless modality makes the sample worthless, a good one cannot make up for it; a modality
    that is absent does not count.

    Args:
        scores: one number in 0..1 for each modality present; at least one.

    Raises:
        ValueError: no score, or one that is not a number in 0..1.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.size == 0:
        raise ValueError("no modality is present: there is nothing to score")
    if not np.all((values >= 0.0) & (values <= 1.0)):
        raise ValueError(f"scores must be numbers from 0 to 1, found {list(scores)}")
    return float(np.prod(values) ** (1 / values.size))
