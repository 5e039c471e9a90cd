"""SNIP: weights whose absence one batch hardly notices become zero.

Zeros are never speed, and bytes only after an entropy coder (models/compression/masks.py).

Source: Lee et al. 2019, https://arxiv.org/abs/1810.02340, equation 4: |dL/dc| of a gate c on each
weight, which is |g w|, on one batch. Differs in: trained weights for fresh ones, and a loss whose
gradient is not zero there (models/compression/gradients.py).
"""

from torch import Tensor

from models.compression.calibration import Calibration
from models.compression.gradients import gradients, products
from models.compression.masks import Scope, cut, weights_of, without
from models.compression.student import ViewModel


def saliency(
    module: ViewModel, *, calibration: Calibration, seed: int, embeddings: bool = False
) -> dict[str, Tensor]:
    """Name to |g w|, with the gradient summed over all samples: one batch."""
    names = list(weights_of(module, embeddings=embeddings))
    total: dict[str, Tensor] = {}
    for found in gradients(module, names, calibration=calibration, seed=seed, batch_size=32):
        total = {name: total[name] + g if total else g for name, g in found.items()}
    return {name: score.abs() for name, score in products(module, total).items()}


def snip(
    module: ViewModel,
    *,
    sparsity: float,
    scope: Scope,
    calibration: Calibration,
    seed: int,
    embeddings: bool = False,
) -> ViewModel:
    """A copy with zeros where |g w| is smallest; arguments as `magnitude`, and:

    Args:
        module, sparsity, scope, embeddings: as `magnitude`.
        calibration: the batch.
        seed: of the noise in the loss.

    Raises:
        PruningError: see `cut`.
        CalibrationError: too few samples, or of another view.
    """
    scores = saliency(module, calibration=calibration, seed=seed, embeddings=embeddings)
    return without(module, cut(module, scores, sparsity=sparsity, scope=scope))
