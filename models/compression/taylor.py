"""Taylor pruning: weights whose absence would change the loss least become zero.

Zeros are never speed, and bytes only after an entropy coder (models/compression/masks.py).

Source: Molchanov et al. 2019, https://arxiv.org/abs/1906.10771, equation 8: (g w)^2, the squared
first-order estimate of the change, as a mean over samples. For a trained model and the loss of
models/compression/gradients.py that mean is the second-order estimate too, up to the factor 1/2.
"""

from torch import Tensor

from models.compression.calibration import Calibration
from models.compression.gradients import gradients, products
from models.compression.masks import Scope, cut, weights_of, without
from models.compression.student import ViewModel


def saliency(
    module: ViewModel, *, calibration: Calibration, seed: int, embeddings: bool = False
) -> dict[str, Tensor]:
    """Name to the mean over samples of (g w)^2."""
    names = list(weights_of(module, embeddings=embeddings))
    total: dict[str, Tensor] = {}
    for found in gradients(module, names, calibration=calibration, seed=seed):
        squares = {name: score**2 for name, score in products(module, found).items()}
        total = {name: total[name] + s if total else s for name, s in squares.items()}
    return {name: score / len(calibration) for name, score in total.items()}


def taylor(
    module: ViewModel,
    *,
    sparsity: float,
    scope: Scope,
    calibration: Calibration,
    seed: int,
    embeddings: bool = False,
) -> ViewModel:
    """A copy with zeros where (g w)^2 is smallest on average.

    Args:
        module, sparsity, scope, embeddings: as `magnitude`.
        calibration: samples to differentiate at, one by one.
        seed: of the noise in the loss.

    Raises:
        PruningError: see `cut`.
        CalibrationError: too few samples, or of another view.
    """
    scores = saliency(module, calibration=calibration, seed=seed, embeddings=embeddings)
    return without(module, cut(module, scores, sparsity=sparsity, scope=scope))
