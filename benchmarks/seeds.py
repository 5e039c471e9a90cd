"""A figure over several seeds: its mean and how sure that is."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t


def over_seeds(found: Sequence[float]) -> dict[str, Any]:
    """Mean with a 95% interval by Student's t; of one seed alone the interval is the mean."""
    mean, count = float(np.mean(found)), len(found)
    deviation = float(np.std(found, ddof=1)) if count > 1 else 0.0
    half = float(t.ppf(0.975, count - 1)) * deviation / math.sqrt(count) if count > 1 else 0.0
    return {
        "mean": mean,
        "mean_low": mean - half,
        "mean_high": mean + half,
        "deviation": deviation,
        "runs": list(found),
    }
