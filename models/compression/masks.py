"""Zeros in weights: which to set, how many there are, and how they stay while training goes on.

Honest use: a zero in a dense tensor takes the same bytes and the same time as any other number. On
a CPU without sparse kernels (all the runtimes here) unstructured zeros are never speed; they pay in
compressed bytes only (models/compression/storage.py), and may be reported as nothing else.

A mask is bool, True where a weight is zero and has to stay so.
"""

import copy
from collections.abc import Mapping
from typing import Literal, TypeVar, get_args

import torch
from torch import Tensor, nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)

Scope = Literal["local", "global"]
"""Whether each tensor loses the same share, or all compete with each other."""

WEIGHED = (nn.Linear, nn.Conv1d, nn.Conv2d)
"""Layers whose weights are pruned: products. Norms and biases are few and each matters."""


class PruningError(ValueError):
    """A share that leaves nothing, or a module without what is to go; says what is allowed."""


def weights_of(module: nn.Module, *, embeddings: bool = False) -> dict[str, nn.Parameter]:
    """Name to weight of every linear and convolution layer, and of embeddings where asked.

    A weight that two layers share comes once, under its first name.
    """
    kinds: tuple[type[nn.Module], ...] = (*WEIGHED, nn.Embedding) if embeddings else WEIGHED
    found: dict[str, nn.Parameter] = {}
    seen: set[int] = set()
    for path, layer in module.named_modules():
        weight = getattr(layer, "weight", None)
        if isinstance(layer, kinds) and isinstance(weight, nn.Parameter) and id(weight) not in seen:
            seen.add(id(weight))
            found[f"{path}.weight" if path else "weight"] = weight
    return found


def zeros_of(module: nn.Module) -> dict[str, Tensor]:
    """Where a module's weights, embeddings counted, are zero; tensors without a zero are left out.

    For whoever trains a pruned module: `masks = zeros_of(module)` before, `hold(module, masks)`
    after each step.
    """
    masks = {
        name: weight.detach() == 0 for name, weight in weights_of(module, embeddings=True).items()
    }
    return {name: mask for name, mask in masks.items() if bool(mask.any())}


@torch.no_grad()
def hold(module: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Set the masked weights to zero again, in place.

    Raises:
        PruningError: a mask's name or shape is not that of a weight.
    """
    for name, mask in masks.items():
        try:
            weight = module.get_parameter(name)
        except AttributeError:
            raise PruningError(
                f"mask {name}: the module has no such weight; take the masks after its last change "
                "of structure"
            ) from None
        if weight.shape != mask.shape:
            raise PruningError(
                f"mask {name}: {tuple(mask.shape)} for a weight {tuple(weight.shape)}; take the "
                "masks after the module's last change of structure"
            )
        weight.masked_fill_(mask, 0)


def sparsity(module: nn.Module, *, embeddings: bool = False) -> float:
    """Share of a module's linear and convolution weights that is zero: 0 to 1.

    It says nothing of speed, nor of bytes before an entropy coder.
    """
    weights = weights_of(module, embeddings=embeddings).values()
    total = sum(weight.numel() for weight in weights)
    return sum(int((weight == 0).sum()) for weight in weights) / total if total else 0.0


def cut(
    module: nn.Module,
    saliency: Mapping[str, Tensor],
    *,
    sparsity: float,
    scope: Scope,
    rows: bool = False,
) -> dict[str, Tensor]:
    """Masks of the least salient weights.

    Weights that are zero already go first and count: `sparsity` is the share after, not added to
    what was there. Among equals the first in memory goes, so that the count is exact, as
    round(sparsity x weights), and the same on every run.

    Args:
        module: whose weights; unchanged.
        saliency: name to a score per weight; the lowest go.
        sparsity: share of zeros, 0 up to but not 1.
        scope: "local" takes that share of each tensor, "global" of all together.
        rows: with "local", that share of each output's row.

    Raises:
        PruningError: a share out of range, an unknown scope, no weights, scores that are NaN.
    """
    check(sparsity, scope)
    if not saliency:
        raise PruningError(
            "no linear or convolution weights here to prune; choose another technique for this view"
        )
    scores = {}
    for name, score in saliency.items():
        if bool(score.isnan().any()):
            raise PruningError(
                f"{name}: its saliency is NaN; look for NaN or infinite weights or samples"
            )
        dead = module.get_parameter(name).detach() == 0
        scores[name] = score.detach().float().masked_fill(dead, -torch.inf)
    if scope == "global":
        joint = lowest(torch.cat([score.flatten() for score in scores.values()]), sparsity)
        parts = torch.split(joint, [score.numel() for score in scores.values()])
        return {
            name: part.view_as(score)
            for (name, score), part in zip(scores.items(), parts, strict=True)
        }
    if rows:
        return {
            name: torch.stack([lowest(row, sparsity) for row in score.flatten(1)]).view_as(score)
            for name, score in scores.items()
        }
    return {
        name: lowest(score.flatten(), sparsity).view_as(score) for name, score in scores.items()
    }


def lowest(scores_N: Tensor, share: float) -> Tensor:
    """(N,) scores to bool: the round(share x N) lowest; of equals the first."""
    count = round(share * len(scores_N))
    if count == 0:
        return torch.zeros_like(scores_N, dtype=torch.bool)
    limit = scores_N.kthvalue(count).values
    chosen = scores_N < limit
    equal = (scores_N == limit).nonzero()[: count - int(chosen.sum()), 0]
    chosen[equal] = True
    return chosen


def without(module: AnyModule, masks: Mapping[str, Tensor]) -> AnyModule:
    """A copy whose masked weights are zero."""
    copied = copy.deepcopy(module)
    hold(copied, masks)
    return copied


def check(sparsity: float, scope: str, **counts: int) -> None:
    """Refuse what no pruning can mean.

    Raises:
        PruningError: the share is out of range, the scope unknown, or a count below 1.
    """
    if not 0 <= sparsity < 1:
        raise PruningError(f"sparsity={sparsity}: allowed is 0 up to but not 1")
    if scope not in get_args(Scope):
        raise PruningError(f"scope={scope!r}: allowed are {', '.join(get_args(Scope))}")
    for name, count in counts.items():
        if count < 1:
            raise PruningError(f"{name}={count}: allowed are 1 and more")
