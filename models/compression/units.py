"""Structured pruning: whole neurons, channels and heads leave, and the tensors really get smaller.

A unit is what one layer makes and another takes: a row of numbers here, a column there. Taking a
unit out is exact where its importance is zero: nobody took what it made.

Shapes: U units of a group, K rows or columns of a unit in one layer.
Source: importance "taylor" is Molchanov et al. 2019, https://arxiv.org/abs/1906.10771, equation 9:
the derivative by a gate on the whole unit, squared, as a mean over samples; "l2" is the norm of all
its weights as in Li et al. 2016, https://arxiv.org/abs/1608.08710 (there L1, of the rows alone).
"""

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from models.compression.calibration import Calibration
from models.compression.constants import absorb, means
from models.compression.gradients import gradients, products
from models.compression.low_rank import LowRank
from models.compression.masks import PruningError, Scope
from models.compression.student import ViewModel

Importance = Literal["l2", "taylor", "random"]
"""How units are ranked; "random" is the control."""


@dataclass(frozen=True)
class Slice:
    """Which rows or columns of one layer belong to each unit.

    Args:
        path: of the layer.
        dim: 0 for what it makes (rows, with their biases), 1 for what it takes (columns).
        place_UK: long, indices of each unit.
    """

    path: str
    dim: int
    place_UK: Tensor


@dataclass(frozen=True)
class Group:
    """Units that stand in for each other, such as the neurons of one layer.

    Args:
        name: of the layer, for messages.
        slices: all that goes with a unit.
        absorbers: path of a layer that takes units to that of the layer whose constant can stand
            in for them: itself, or the batch norm behind it; none where neither has one.
        counted: attributes that hold numbers of units, path to numbers a unit; empty for most.
    """

    name: str
    slices: tuple[Slice, ...]
    absorbers: Mapping[str, str] = field(default_factory=dict)
    counted: Mapping[str, int] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """How many units there are."""
        return len(self.slices[0].place_UK)


def prune(
    module: ViewModel,
    groups: Sequence[Group],
    *,
    keep: float,
    importance: Importance,
    scope: Scope,
    round_to: int,
    calibration: Calibration | None,
    seed: int,
) -> ViewModel:
    """A copy with the most important share of each group's units; the others are gone.

    Args:
        module: unchanged.
        groups: of units, whose slices do not overlap.
        keep: share that stays, above 0 up to 1.
        importance: "l2", "taylor" or "random".
        scope: "local" keeps that share of each group; "global" of all together, and at least one
            (or `round_to`) of each. Norms of different layers hardly compare: "global" is meant
            for "taylor".
        round_to: a group keeps a multiple of it, rounded up, where it has as many.
        calibration: samples for "taylor"; where given, the mean of what leaves is kept as a
            constant too (models/compression/constants.py), whatever the importance.
        seed: of "random", and of the noise in the loss of "taylor".

    Raises:
        PruningError: nothing would stay, or an argument is out of range.
        CalibrationError: too few samples, or of another view.
    """
    _check(groups, keep=keep, importance=importance, scope=scope, round_to=round_to)
    found = scores(module, groups, importance=importance, calibration=calibration, seed=seed)
    for group, score_U in zip(groups, found, strict=True):
        if bool(score_U.isnan().any()):
            raise PruningError(
                f"{group.name}: its importance is NaN; look for NaN or infinite weights or samples"
            )
    takers = [path for group in groups for path in group.absorbers]
    said = means(module, takers, calibration=calibration) if calibration else {}
    pruned = copy.deepcopy(module).requires_grad_(False)
    for group, score_U, count in zip(groups, found, _counts(found, keep, scope), strict=True):
        count = min(-(-count // round_to) * round_to, group.units)
        kept = score_U.argsort(descending=True, stable=True)[:count].sort().values
        _keep_means(pruned, group, kept, said)
        take(pruned, group, kept)
    return pruned.eval()


def scores(
    module: ViewModel,
    groups: Sequence[Group],
    *,
    importance: Importance,
    calibration: Calibration | None,
    seed: int,
) -> list[Tensor]:
    """Importance (U,) of each group's units."""
    if importance == "random":
        generator = torch.Generator().manual_seed(seed)
        return [torch.rand(group.units, generator=generator) for group in groups]
    if importance == "l2":
        return [_norms(module, group) for group in groups]
    if calibration is None:
        raise PruningError("importance 'taylor' needs calibration data; give some, or choose 'l2'")
    names = [f"{s.path}.weight" for group in groups for s in group.slices if s.dim == 1]
    totals = [torch.zeros(group.units) for group in groups]
    for found in gradients(module, names, calibration=calibration, seed=seed):
        changes = products(module, found)
        for total_U, group in zip(totals, groups, strict=True):
            # A gate on what a unit makes has the derivative of all that is taken from it.
            total_U += sum(
                _columns(changes[f"{s.path}.weight"])[s.place_UK].sum(1)
                for s in group.slices
                if s.dim == 1
            ).square()  # type: ignore[union-attr]  # a sum of tensors, each group has a taker
    return [total / len(calibration) for total in totals]


def take(module: nn.Module, group: Group, kept: Tensor) -> None:
    """Shrink a group to some of its units, in place.

    Args:
        module: whose layers shrink.
        group: of units.
        kept: long, units that stay, ascending.
    """
    for piece in group.slices:
        layer = module.get_submodule(piece.path)
        # Ascending: what a unit has in several places (query, key, value) stays in its place.
        index = piece.place_UK[kept].flatten().sort().values
        for name, held in [
            *layer.named_parameters(recurse=False),
            *layer.named_buffers(recurse=False),
        ]:
            if held.ndim and (piece.dim == 0 or name == "weight"):
                chosen = held.detach().index_select(piece.dim, index)
                if held.ndim == 4 and held.is_contiguous(memory_format=torch.channels_last):
                    chosen = chosen.contiguous(memory_format=torch.channels_last)
                if isinstance(held, nn.Parameter):
                    setattr(layer, name, nn.Parameter(chosen, requires_grad=False))
                else:
                    setattr(layer, name, chosen)
        _tell(layer, piece.dim, len(index))
    for path, each in group.counted.items():
        owner, _, name = path.rpartition(".")
        setattr(module.get_submodule(owner), name, each * len(kept))


def _keep_means(module: nn.Module, group: Group, kept: Tensor, said: Mapping[str, Tensor]) -> None:
    leaves = torch.ones(group.units, dtype=torch.bool)
    leaves[kept] = False
    for piece in group.slices:
        if piece.dim == 1 and piece.path in said:
            taker = module.get_submodule(piece.path)
            absorber = module.get_submodule(group.absorbers[piece.path])
            absorb(taker, absorber, piece.place_UK[leaves].flatten(), said[piece.path])


def linear_maker(module: nn.Module, path: str) -> str | None:
    """Path of what makes a linear layer's outputs: the second of two factors; None for others."""
    layer = module.get_submodule(path)
    if isinstance(layer, LowRank):
        return f"{path}.second"
    return path if isinstance(layer, nn.Linear) else None


def linear_taker(module: nn.Module, path: str) -> str | None:
    """Path of what takes a linear layer's inputs: the first of two factors; None for others."""
    layer = module.get_submodule(path)
    if isinstance(layer, LowRank):
        return f"{path}.first"
    return path if isinstance(layer, nn.Linear) else None


def inventory(module: nn.Module) -> str:
    """What a module is made of, for messages: "3 Conv2d, 1 Linear"."""
    leaves = (layer for layer in module.modules() if not any(layer.children()))
    counts = Counter(type(layer).__name__ for layer in leaves if list(layer.parameters()))
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "no weights"


def _tell(layer: nn.Module, dim: int, size: int) -> None:
    """Bring the plain numbers of a layer in line with its tensors."""
    match layer:
        case nn.Linear():
            setattr(layer, "in_features" if dim else "out_features", size)
        case nn.Conv1d() | nn.Conv2d():
            if layer.groups > 1:  # depthwise: what it makes is what it takes
                layer.groups = layer.in_channels = layer.out_channels = size
            else:
                setattr(layer, "in_channels" if dim else "out_channels", size)
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            layer.num_features = size
        case _:
            raise TypeError(f"{type(layer).__name__}: not a layer that structured pruning knows")


def _norms(module: nn.Module, group: Group) -> Tensor:
    total_U = torch.zeros(group.units)
    for piece in group.slices:
        layer = module.get_submodule(piece.path)
        for name, held in layer.named_parameters(recurse=False):
            if piece.dim == 0 or name == "weight":
                squares = held.detach().float().square()
                sums = _columns(squares) if piece.dim else squares.flatten(1 - squares.ndim)
                sums = sums if piece.dim or sums.ndim == 1 else sums.sum(1)
                total_U += sums[piece.place_UK].sum(1)
    return total_U.sqrt()


def _columns(weight: Tensor) -> Tensor:
    """Sum of a weight (O, I, ...) over all but its inputs: (I,)."""
    return weight.transpose(0, 1).flatten(1).sum(1)


def _counts(found: Sequence[Tensor], keep: float, scope: Scope) -> list[int]:
    if scope == "local":
        return [round(keep * len(score)) for score in found]
    # Each group's best stays: a layer without units is no layer.
    joint = torch.cat([score.index_fill(0, score.argmax(), torch.inf) for score in found])
    best = joint.argsort(descending=True, stable=True)[: max(round(keep * len(joint)), len(found))]
    stays = torch.zeros(len(joint), dtype=torch.bool)
    stays[best] = True
    return [int(part.sum()) for part in torch.split(stays, [len(score) for score in found])]


def _check(
    groups: Sequence[Group], *, keep: float, importance: str, scope: str, round_to: int
) -> None:
    for name, value, kinds in (("importance", importance, Importance), ("scope", scope, Scope)):
        if value not in get_args(kinds):
            raise PruningError(f"{name}={value!r}: allowed are {', '.join(get_args(kinds))}")
    if round_to < 1:
        raise PruningError(f"round_to={round_to}: allowed are 1 and more")
    smallest = min(groups, key=lambda group: group.units)
    if not 0 < keep <= 1 or round(keep * smallest.units) < 1:
        least = next(
            share / 1000 for share in range(1, 1001) if round(share / 1000 * smallest.units) >= 1
        )
        raise PruningError(
            f"keep={keep}: of the {smallest.units} units of {smallest.name} it leaves "
            f"{max(round(keep * smallest.units), 0)}; allowed are {least:g} to 1"
        )
