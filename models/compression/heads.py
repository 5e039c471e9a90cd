"""Structured pruning of attention heads: a head's queries, keys, values and outputs leave.

Source: Michel et al. 2019, https://arxiv.org/abs/1905.10650 (importance by a gate on each head);
importance as in models/compression/units.py.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from models.compression.calibration import Calibration
from models.compression.masks import PruningError, Scope
from models.compression.student import ViewModel
from models.compression.units import (
    Group,
    Importance,
    Slice,
    inventory,
    linear_maker,
    linear_taker,
    prune,
)
from models.encoders.audio_conformer import Attention
from models.encoders.audio_whisper import Block
from models.foreign import transformers


def groups(module: nn.Module) -> list[Group]:
    """The attention layers of a module; their units are heads."""
    bert = transformers.models.bert.modeling_bert.BertAttention
    found: list[Group] = []
    for path, part in module.named_modules():
        inside = f"{path}." if path else ""
        if isinstance(part, Block):
            found += _joint(module, path, part.heads, "query_key_value", "attention_out")
        elif isinstance(part, Attention):
            found += _joint(module, path, part.heads, "query_key_value", "out")
        elif isinstance(part, bert):
            found += _separate(module, inside, part.self.num_attention_heads)
    return found


def _joint(module: nn.Module, path: str, heads: int, joint: str, out: str) -> Iterator[Group]:
    """Query, key and value of all heads from one matrix, one after the other."""
    inside = f"{path}." if path else ""
    maker, taker = linear_maker(module, inside + joint), linear_taker(module, inside + out)
    if maker and taker:
        place_HW = _places(len(module.get_parameter(f"{maker}.weight")) // 3, heads)
        rows = torch.cat([place_HW + part * place_HW.numel() for part in range(3)], 1)
        slices = (Slice(maker, 0, rows), Slice(taker, 1, place_HW))
        yield Group(
            name=path,
            slices=slices,
            absorbers={taker: taker},
            counted={f"{inside}heads": 1},
        )


def _separate(module: nn.Module, inside: str, heads: int) -> Iterator[Group]:
    """Query, key and value from a matrix each, as BERT's."""
    makers = [linear_maker(module, f"{inside}self.{part}") for part in ("query", "key", "value")]
    taker = linear_taker(module, f"{inside}output.dense")
    named = [maker for maker in makers if maker]
    if len(named) == len(makers) and taker:
        place_HW = _places(len(module.get_parameter(f"{named[0]}.weight")), heads)
        yield Group(
            name=inside.removesuffix("."),
            slices=(*(Slice(maker, 0, place_HW) for maker in named), Slice(taker, 1, place_HW)),
            absorbers={taker: taker},
            counted={
                f"{inside}self.num_attention_heads": 1,
                f"{inside}self.all_head_size": place_HW.shape[1],
            },
        )


def _places(width: int, heads: int) -> Tensor:
    return torch.arange(width).view(heads, -1)


def heads(
    module: ViewModel,
    *,
    keep: float,
    importance: Importance,
    scope: Scope = "local",
    calibration: Calibration | None = None,
    seed: int = 0,
) -> ViewModel:
    """A copy whose attention layers have fewer heads, at least one each.

    Args:
        module, keep, importance, scope, calibration, seed: as `units.prune`.

    Raises:
        PruningError: no attention, or no head of a layer would stay.
        CalibrationError: too few samples, or of another view.
    """
    found = groups(module)
    if not found:
        raise PruningError(
            f"heads: the {module.view} view has no attention; it has {inventory(module)}"
        )
    return prune(
        module,
        found,
        keep=keep,
        importance=importance,
        scope=scope,
        round_to=1,
        calibration=calibration,
        seed=seed,
    )
