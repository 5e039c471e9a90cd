"""Structured pruning of feed-forward layers: neurons leave, both matrices get thinner.

Source: units and importance as in models/compression/units.py; for transformers as in Kurtic et al.
2022, https://arxiv.org/abs/2203.07259 (there by second-order scores).
"""

from collections.abc import Iterator

import torch
from torch import nn

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
from models.encoders.audio_conformer import FeedForward
from models.encoders.audio_conv import SeparableBlock
from models.encoders.audio_whisper import Block
from models.foreign import transformers
from models.multimodal import View


def groups(module: nn.Module, *, projection: bool = False) -> list[Group]:
    """The feed-forward layers of a module.

    Args:
        module: whose layers.
        projection: whether the hidden layer in front of the vectors counts as one.
    """
    found = []
    for wide, narrow in _pairs(module, projection):
        maker, taker = linear_maker(module, wide), linear_taker(module, narrow)
        if maker and taker:
            units = torch.arange(len(module.get_parameter(f"{maker}.weight")))[:, None]
            slices = (Slice(maker, 0, units), Slice(taker, 1, units))
            found.append(Group(name=wide, slices=slices, absorbers={taker: taker}))
    return found


def _pairs(module: nn.Module, projection: bool) -> Iterator[tuple[str, str]]:
    """Paths of the layers that make and take the neurons of each feed-forward layer."""
    bert = transformers.models.bert.modeling_bert.BertLayer
    for path, part in module.named_modules():
        inside = f"{path}." if path else ""
        match part:
            case Block():
                yield f"{inside}feed_in", f"{inside}feed_out"
            case FeedForward():
                yield f"{inside}layers.1", f"{inside}layers.4"
            case SeparableBlock():
                yield f"{inside}mix.0", f"{inside}mix.3"
            case View() if projection:
                yield f"{inside}project.2", f"{inside}project.5"
            case _ if isinstance(part, bert):
                yield f"{inside}intermediate.dense", f"{inside}output.dense"


def ffn(
    module: ViewModel,
    *,
    keep: float,
    importance: Importance,
    scope: Scope = "local",
    round_to: int = 1,
    projection: bool = False,
    calibration: Calibration | None = None,
    seed: int = 0,
) -> ViewModel:
    """A copy with thinner feed-forward layers.

    Args:
        module, keep, importance, scope, round_to, calibration, seed: as `units.prune`.
        projection: whether the hidden layer in front of the vectors is pruned too.

    Raises:
        PruningError: no feed-forward layer, or nothing of one would stay.
        CalibrationError: too few samples, or of another view.
    """
    found = groups(module, projection=projection)
    if not found:
        raise PruningError(
            f"ffn: the {module.view} view has no feed-forward layer; it has {inventory(module)}"
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
