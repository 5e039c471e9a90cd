"""Unstructured pruning by magnitude: small weights become zero.

Zeros are never speed, and bytes only after an entropy coder (models/compression/masks.py).

Source: Han et al. 2015, https://arxiv.org/abs/1506.02626.
"""

from torch import Tensor, nn

from models.compression.masks import AnyModule, Scope, cut, weights_of, without


def saliency(module: nn.Module, *, embeddings: bool = False) -> dict[str, Tensor]:
    """Name to |w|, shaped as the weight."""
    weights = weights_of(module, embeddings=embeddings)
    return {name: weight.detach().abs() for name, weight in weights.items()}


def magnitude(
    module: AnyModule, *, sparsity: float, scope: Scope, embeddings: bool = False
) -> AnyModule:
    """A copy whose smallest weights are zero.

    Args:
        module: unchanged.
        sparsity: share of zeros after it, 0 up to but not 1.
        scope: "local" takes that share of each tensor, "global" of all together. Layers whose
            weights are small by their scale alone can vanish under "global".
        embeddings: whether embedding tables are pruned too.

    Raises:
        PruningError: see `cut`.
    """
    scores = saliency(module, embeddings=embeddings)
    return without(module, cut(module, scores, sparsity=sparsity, scope=scope))
