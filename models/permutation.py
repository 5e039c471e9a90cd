"""Could chance alone give this lead? Sign flips, and many tests at once.

If neither of two paired systems were better, swapping them within any pair would change nothing:
the distribution of the summed lead under all swaps is what chance gives. No normal approximation.

Sources: Fisher 1935, The Design of Experiments, section 21; p values from drawn permutations as in
Phipson & Smyth 2010, https://doi.org/10.2202/1544-6115.1585; Holm 1979,
https://www.jstor.org/stable/4615733.
"""

from collections.abc import Sequence

import numpy as np


def sign_flip_p(
    lead_G: np.ndarray, *, draws: int, seed: int, two_sided: bool = False
) -> tuple[float, bool]:
    """P value of a summed lead, if the sign of each pair's lead were a coin flip.

    Args:
        lead_G: (G,) whole numbers, one a pair: how much more the first got right than the second.
        draws: sign flips to draw, unless all of them (2 to the number of leads but 0) are no more.
        seed: of the draws.
        two_sided: count sums as far from 0 on either side, not only leads as large.

    Returns:
        the p value, and whether it is exact.
    """
    lead_K = lead_G[lead_G != 0].astype(np.int64)  # a pair with lead 0 is the same either way
    observed = abs(lead_K.sum()) if two_sided else lead_K.sum()
    exact = 2.0 ** len(lead_K) <= draws
    if exact:
        codes = np.arange(2 ** len(lead_K))
        flips = codes[:, None] >> np.arange(len(lead_K)) & 1
    else:
        flips = np.random.default_rng(seed).integers(0, 2, size=(draws, len(lead_K)))
    sums = (1 - 2 * flips) @ lead_K
    reached = (np.abs(sums) if two_sided else sums) >= observed
    if exact:
        return float(np.mean(reached)), True
    return (1 + int(np.sum(reached))) / (1 + draws), False


def holm(p_values: Sequence[float]) -> list[float]:
    """P values adjusted so that testing them all keeps the level, by Holm's step-down method."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values)[order] * (len(p_values) - np.arange(len(p_values)))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(value) for value in adjusted]
