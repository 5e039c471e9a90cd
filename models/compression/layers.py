"""Fewer blocks: a residual stack with some of its layers taken out.

Every block of a residual stack adds to what it was given, so the stack still works without some of
them, and distillation brings back most of what they knew.

Sources: a student that starts from some of its teacher's layers, Sanh et al. 2019,
https://arxiv.org/abs/1910.01108; which ones matters little, Sajjad et al. 2020,
https://arxiv.org/abs/2004.03844.
"""

import copy
from collections.abc import Sequence
from typing import Literal

from torch import nn

from models.compression.student import ViewModel
from models.encoders.audio_conv import AudioConv
from models.encoders.audio_whisper import WhisperEncoder
from models.encoders.text_minilm import MiniLM
from models.encoders.text_spelling import SpellingEncoder

Which = Literal["first", "even"]
"""`first`: those next to the input; `even`: spread over the stack, the last one among them."""


def keep_layers(module: ViewModel, *, keep: int | Sequence[int], which: Which) -> ViewModel:
    """A copy with some of its blocks.

    What is read from between the blocks moves along: MiniLM answers with its last layer and the one
    at two thirds of those that are left.

    Args:
        module: a view whose encoder is a stack of blocks of one shape.
        keep: how many blocks, or the indexes of those that stay.
        which: which ones, where `keep` is a number.

    Raises:
        ValueError: there is no such stack, or `keep` names blocks that it does not have.
    """
    module = copy.deepcopy(module)
    owner, blocks = stack(module)
    kept = _chosen(len(blocks), keep, which)
    left = nn.ModuleList(blocks[index] for index in kept)
    if isinstance(owner, MiniLM):
        owner.bert.encoder.layer = left
        owner.bert.config.num_hidden_layers = len(left)
    elif isinstance(owner, SpellingEncoder):
        owner.layers = left
    else:
        owner.blocks = left
    return module


def stack(module: nn.Module) -> tuple[nn.Module, nn.ModuleList]:
    """The encoder that holds the stack of blocks of one shape, and the stack.

    Raises:
        ValueError: there is none.
    """
    for layer in module.modules():
        match layer:
            case MiniLM():
                blocks = layer.bert.encoder.layer
            case WhisperEncoder() | AudioConv():
                blocks = layer.blocks
            case SpellingEncoder():
                blocks = layer.layers
            case _:
                continue
        return layer, blocks
    view = module.view if isinstance(module, ViewModel) else type(module).__name__
    raise ValueError(
        f"view {view}: it has no stack of blocks of one shape; `layers` works on MiniLM, Whisper, "
        "conv and spelling encoders: leave it out of the recipe for this view"
    )


def _chosen(count: int, keep: int | Sequence[int], which: Which) -> list[int]:
    if isinstance(keep, int):
        if not 1 <= keep <= count:
            raise ValueError(f"keep={keep}: must be from 1 to {count}, the blocks that there are")
        if which == "first":
            return list(range(keep))
        return [(place + 1) * count // keep - 1 for place in range(keep)]
    kept = list(keep)
    if not kept or kept != sorted(set(kept)) or kept[0] < 0 or kept[-1] >= count:
        raise ValueError(
            f"keep={kept}: give rising indexes from 0 to {count - 1}, each once, at least one"
        )
    return kept
