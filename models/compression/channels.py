"""Structured pruning of convolution channels, as far as no other layer notices.

torch-pruning's dependency graph tells which layers have to shrink together. Inner channels are made
by one convolution, bent by an activation, filtered one by one perhaps, and taken by another
convolution, such as the widened channels of an inverted bottleneck. Streams are all others that
only convolutions make and take: added up over blocks, or narrow and linear. Channels that the
encoder's output describes (the tapped feature maps, whose widths the tower knows) always stay.

Source: Fang et al. 2023, https://arxiv.org/abs/2301.12900 (the graph); importance as in
models/compression/units.py.
"""

import copy
import re
import warnings
from typing import Any

import torch
from torch import nn

from models.compression.calibration import Calibration
from models.compression.masks import PruningError, Scope
from models.compression.student import ViewModel
from models.compression.units import Group, Importance, Slice, inventory, prune
from models.towers import Encoded

SIDE, FRAMES = 64, 64
"""Size of the sample that the graph is traced with: the channels do not depend on it."""


def groups(module: ViewModel, *, streams: bool = False) -> list[Group]:
    """The channels of a view's encoder that can leave, in the order of its layers.

    Args:
        module: whose encoder.
        streams: whether streams can, or inner channels only.
    """
    path, encoder = _encoder(module)
    if encoder is None or not any(isinstance(m, nn.Conv1d | nn.Conv2d) for m in encoder.modules()):
        return []
    import torch_pruning  # costs a second

    traced = copy.deepcopy(encoder).eval().requires_grad_(True)
    names = {layer: f"{path}.{name}" for name, layer in traced.named_modules()}
    with warnings.catch_warnings():
        # It tells of parameters without a layer, such as position tables; groups with one are out.
        warnings.simplefilter("ignore", UserWarning)
        graph = torch_pruning.DependencyGraph().build_dependency(traced, _sample(module))
    found = [
        group
        for linked in graph.get_all_groups(root_module_types=[nn.Conv1d, nn.Conv2d])
        if (group := _group(linked, graph, names, streams)) is not None
    ]
    order = {name: place for place, name in enumerate(names.values())}
    return sorted(found, key=lambda group: order[group.name])


def _group(linked: Any, graph: Any, names: dict[nn.Module, str], streams: bool) -> Group | None:
    """A dependency group as ours where its channels can leave."""
    makers: list[nn.Conv1d | nn.Conv2d] = []
    takers: list[nn.Conv1d | nn.Conv2d] = []
    between: list[nn.Module] = []
    bent = False
    for link in linked:
        layer, made = link.dep.target.module, "out" in link.dep.handler.__name__
        match layer:
            case nn.Conv1d() | nn.Conv2d() if layer.groups == 1:
                (makers if made else takers).append(layer)
            case nn.Conv1d() | nn.Conv2d() if (
                layer.groups == layer.in_channels == layer.out_channels
            ):
                between.append(layer)
            case nn.BatchNorm1d() | nn.BatchNorm2d():
                between.append(layer)
            case _ if layer in names or type(layer).__name__ != "_ElementWiseOp":
                return None  # joined, split, described or taken by a layer of another kind
            case _:
                bent = bent or not re.search("Pad|Add|Mul", link.dep.target.name)
    inner = bent and len(makers) == len(takers) == 1
    if not makers or not takers or not (inner or streams):
        return None
    units = torch.arange(makers[0].out_channels)[:, None]
    pieces = [Slice(names[layer], 0, units) for layer in dict.fromkeys([*makers, *between])]
    pieces += [Slice(names[layer], 1, units) for layer in dict.fromkeys(takers)]
    absorbers = {
        names[layer]: names[behind]
        for layer in takers
        if (behind := layer if layer.bias is not None else _norm_behind(layer, graph)) is not None
    }
    return Group(name=names[makers[0]], slices=tuple(pieces), absorbers=absorbers)


def _norm_behind(layer: nn.Module, graph: Any) -> nn.Module | None:
    """The batch norm that alone reads a layer's outputs, if that is what reads them."""
    behind = [node.module for node in graph.module2node[layer].outputs]
    norm = isinstance(behind[0], nn.BatchNorm1d | nn.BatchNorm2d) if len(behind) == 1 else False
    return behind[0] if norm else None


def _encoder(module: ViewModel) -> tuple[str, nn.Module | None]:
    if module.encoder is not None:
        return "encoder", module.encoder
    tower = module.head.tower
    return "head.tower.encoder", tower.encoder if isinstance(tower, Encoded) else None


def _sample(module: ViewModel) -> Any:
    generator = torch.Generator().manual_seed(0)
    match module.view, module.inputs:
        case "image", _:
            return 255 * torch.rand(1, 3, SIDE, SIDE, generator=generator)
        case "audio", ("mel", "positions"):
            mel = torch.randn(1, 80, FRAMES, generator=generator)
            return (mel, torch.tensor([FRAMES // 2]))
        case "audio", _:
            return torch.randn(1, FRAMES, 80, generator=generator)
    return torch.ones(1, 16, dtype=torch.long)


def channels(
    module: ViewModel,
    *,
    keep: float,
    importance: Importance,
    scope: Scope = "local",
    round_to: int = 1,
    streams: bool = False,
    calibration: Calibration | None = None,
    seed: int = 0,
) -> ViewModel:
    """A copy whose convolutions have fewer inner channels.

    Args:
        module, keep, importance, scope, round_to, calibration, seed: as `units.prune`.
        streams: whether streams are pruned too; they carry more, and cost more time.

    Raises:
        PruningError: no inner channels, or none of a layer would stay.
        CalibrationError: too few samples, or of another view.
    """
    found = groups(module, streams=streams)
    if not found:
        raise PruningError(
            f"channels: the {module.view} view has no convolution channels that could leave; it "
            f"has {inventory(module)}"
        )
    return prune(
        module,
        found,
        keep=keep,
        importance=importance,
        scope=scope,
        round_to=round_to,
        calibration=calibration,
        seed=seed,
    )
