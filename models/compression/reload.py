"""Modules whose shapes were changed, written as tensors and read back without any pickle.

The complaint about pruned models is that they cannot be saved: their state dict fits no class any
more. Here the tensors themselves say what was done. A base module is built as it was before, and
then each layer takes the shape of its tensors: fewer rows, fewer channels, fewer blocks, or two
thin matrices for one wide one (models/compression/low_rank.py).
"""

import copy
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.compression.low_rank import LowRank

COUNTED = ("heads", "num_attention_heads", "attention_head_size", "all_head_size")
"""Plain numbers of attention modules that pruning changes and no tensor tells."""


class ReloadError(ValueError):
    """Tensors that no shape of the base module fits; names the layer."""


def numbers(module: nn.Module) -> dict[str, int]:
    """Attribute path to value, of what the tensors do not say; for `reload`."""
    return {
        f"{path}.{name}" if path else name: value
        for path, layer in module.named_modules()
        for name in COUNTED
        if isinstance(value := vars(layer).get(name), int)
    }


def reload(base: nn.Module, tensors: Mapping[str, Tensor], counts: Mapping[str, int]) -> nn.Module:
    """A copy of a base module in the shape of some tensors, holding them.

    Args:
        base: as it was built before compression; unchanged.
        tensors: a state dict of the compressed module.
        counts: what `numbers` said of it.

    Raises:
        ReloadError: a tensor is missing, superfluous, or of a shape its layer cannot have.
    """
    module = copy.deepcopy(base)
    _shorten(module, tensors)
    for path, layer in list(module.named_modules()):
        _fit(module, path, layer, tensors)
    for path, value in counts.items():
        owner, _, name = path.rpartition(".")
        try:
            layer = module.get_submodule(owner)
        except AttributeError:
            raise ReloadError(f"{path}: there is no such layer to hold {value}") from None
        setattr(layer, name, value)
    try:
        module.load_state_dict(dict(tensors), strict=True, assign=True)
    except RuntimeError as error:
        raise ReloadError(f"the tensors do not fit: {error}") from None
    return module.eval().requires_grad_(False)


def _shorten(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Keep as many blocks of each ModuleList as the tensors name; they are numbered from 0."""
    for path, layer in module.named_modules():
        if isinstance(layer, nn.ModuleList):
            pattern = re.compile(rf"{re.escape(path)}\.(\d+)\.")
            named = {int(m[1]) for name in tensors if (m := pattern.match(name))}
            count = max(named) + 1 if named else 0
            if count > len(layer):
                raise ReloadError(f"{path}: {count} blocks, but the base module has {len(layer)}")
            del layer[count:]


def _fit(root: nn.Module, path: str, layer: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    if f"{path}.first.weight" in tensors and isinstance(layer, nn.Linear):
        first, second = tensors[f"{path}.first.weight"], tensors[f"{path}.second.weight"]
        made = LowRank(
            inputs=first.shape[1],
            rank=first.shape[0],
            outputs=second.shape[0],
            bias=f"{path}.second.bias" in tensors,
        )
        owner, _, name = path.rpartition(".")
        setattr(root.get_submodule(owner), name, made)
        return
    weight = tensors.get(f"{path}.weight")
    match layer:
        case nn.Linear() if weight is not None:
            layer.out_features, layer.in_features = weight.shape
        case nn.Embedding() if weight is not None:
            layer.num_embeddings, layer.embedding_dim = weight.shape
        case nn.Conv1d() | nn.Conv2d() if weight is not None:
            depthwise = layer.groups > 1 and layer.groups == layer.in_channels
            layer.groups = weight.shape[0] if depthwise else layer.groups
            layer.out_channels = weight.shape[0]
            layer.in_channels = weight.shape[1] * layer.groups
        case nn.LayerNorm() if weight is not None:
            layer.normalized_shape = tuple(weight.shape)
        case nn.BatchNorm1d() | nn.BatchNorm2d() if weight is not None:
            layer.num_features = len(weight)
    for name, held in [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]:
        found = tensors.get(f"{path}.{name}" if path else name)
        if found is not None and found.shape != held.shape:
            empty = torch.empty_like(found)
            if name in layer._parameters:
                setattr(layer, name, nn.Parameter(empty, requires_grad=False))
            else:
                setattr(layer, name, empty)
