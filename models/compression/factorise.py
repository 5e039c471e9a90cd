"""Low rank: wide matrices as the product of two thin ones, by singular values.

Plain: the best matrix of a rank (Eckart & Young 1936, https://doi.org/10.1007/BF02288367).
Weighed by activations: the best of a rank for the inputs that the layer really sees. With X the
inputs as rows and S a root of X'X, so that S S' = X'X, ||X (W - W')'|| = ||(W - W') S||, and
cutting the singular values of W S loses exactly those cut. Directions that no input has cost
nothing. Source: Wang et al. 2024 (SVD-LLM), https://arxiv.org/abs/2403.07378, after Yuan et al.
2023 (ASVD), https://arxiv.org/abs/2312.05821.

Shapes: O outputs, I inputs, R rank, N rows of activations.
"""

import copy
import math

import torch
from torch import Tensor, nn

from models.compression.calibration import Calibration, ask
from models.compression.low_rank import LowRank
from models.compression.student import ViewModel


def low_rank(
    module: ViewModel,
    *,
    energy: float | None,
    rank_share: float | None,
    calibration: Calibration | None,
) -> ViewModel:
    """A copy with two thin matrices in place of every linear layer where they are smaller.

    Give one of `energy` and `rank_share`.

    Args:
        module: in evaluation mode.
        energy: share, 0 to 1, of the sum of squares of a layer's output that has to stay.
        rank_share: rank as a share, 0 to 1, of the one at which two thin matrices are as large as
            the wide one, O I / (O + I).
        calibration: inputs to weigh by; None weighs all directions of a layer's input alike.

    Raises:
        ValueError: a share lies outside 0 to 1, or not exactly one of them is given.
        CalibrationError: the samples do not fit the module.
    """
    for name, share in (("energy", energy), ("rank_share", rank_share)):
        if share is not None and not 0 < share < 1:
            raise ValueError(f"{name}={share}: must lie between 0 and 1")
    if (energy is None) == (rank_share is None):
        raise ValueError(
            f"energy={energy} and rank_share={rank_share}: give one of them, null for the other"
        )
    moments: dict[str, Tensor] = {}
    if calibration is not None:
        calibration.check(module)
        moments = second_moments(module, calibration)
    module = copy.deepcopy(module)
    for path, layer in list(module.named_modules()):
        if type(layer) is not nn.Linear or layer.weight.ndim != 2:
            continue
        outputs, inputs = layer.weight.shape
        even = outputs * inputs / (outputs + inputs)
        most = math.ceil(even) - 1  # the largest rank that saves anything
        if rank_share is not None:
            rank = min(max(round(rank_share * even), 1), most)
        else:
            rank = _rank_for(layer.weight, moments.get(path), energy or 0.0)
        if 1 <= rank <= most:
            owner, _, name = path.rpartition(".")
            thin = factorised(layer, rank=rank, moment=moments.get(path))
            setattr(module.get_submodule(owner), name, thin)
    return module


@torch.no_grad()
def factorised(layer: nn.Linear, *, rank: int, moment: Tensor | None) -> LowRank:
    """A linear layer through a bottleneck, as near to it as the rank allows.

    Args:
        layer: stays as it is.
        rank: R, from 1 to min(O, I).
        moment: X'X (I, I) of the layer's inputs; None for the identity.
    """
    weight = layer.weight.double()
    left = _directions(weight, moment)[0][:, :rank]
    right = left.T @ weight
    # Half of each direction's length on either side: both factors are of one magnitude.
    spread = right.norm(dim=1).clamp(min=1e-30).sqrt()
    bias = layer.bias
    thin = LowRank(
        inputs=layer.in_features, rank=rank, outputs=layer.out_features, bias=bias is not None
    ).to(layer.weight.dtype)
    thin.second.weight.copy_(left * spread)
    thin.first.weight.copy_(right / spread[:, None])
    if bias is not None:
        thin.second.bias.copy_(bias)
    return thin.train(layer.training).requires_grad_(layer.weight.requires_grad)


@torch.no_grad()
def second_moments(module: nn.Module, calibration: Calibration) -> dict[str, Tensor]:
    """X'X (I, I) of every linear layer's inputs over the samples, by path; float64."""
    moments: dict[str, Tensor] = {}

    def watch(path: str) -> object:
        def seen(_: nn.Module, given: tuple[Tensor, ...]) -> None:
            rows = given[0].detach().reshape(-1, given[0].shape[-1]).double()
            moment = rows.T @ rows
            moments[path] = moments[path] + moment if path in moments else moment

        return seen

    hooks = [
        layer.register_forward_pre_hook(watch(path))  # type: ignore[arg-type]  # torch's own alias is looser
        for path, layer in module.named_modules()
        if type(layer) is nn.Linear
    ]
    try:
        ask(module, calibration)
    finally:
        for hook in hooks:
            hook.remove()
    return moments


def _directions(weight: Tensor, moment: Tensor | None) -> tuple[Tensor, Tensor]:
    """Left singular vectors of W S, largest first, and the squares of its singular values.

    With U the first of them, U U' W S is W S cut, so U U' W is the answer: S need not be inverted.
    Eigenvectors of the smaller of W S S' W' and S' W' W S give them.
    """
    weighed = weight if moment is None else weight @ moment.double()
    if weight.shape[0] <= weight.shape[1]:
        squares, left = torch.linalg.eigh(weighed @ weight.T)
        return left.flip(1), squares.flip(0).clamp(min=0)
    if moment is None:
        rooted = weight
    else:
        values, vectors = torch.linalg.eigh(moment.double())
        rooted = weight @ (vectors * values.clamp(min=0).sqrt())
    squares, right = torch.linalg.eigh(rooted.T @ rooted)
    left, _ = torch.linalg.qr(rooted @ right.flip(1))
    return left, squares.flip(0).clamp(min=0)


def _rank_for(weight: Tensor, moment: Tensor | None, energy: float) -> int:
    squares = _directions(weight.double(), moment)[1]
    kept = squares.cumsum(0) / squares.sum().clamp(min=1e-30)
    return int((kept < energy).sum()) + 1
