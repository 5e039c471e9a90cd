"""The same modules in a form that a tracer can follow: fixed program, any lengths.

Two encoders leave out work on padding in ways that depend on the data (rows of letters without
gaps, frames cut at the longest clip). A graph cannot. These stand-ins share the weights of what
they stand for, and answer the same.

Shapes: B batch, L letters, D width, S segments, F frames, M bins, P positions.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.encoders.audio_conv import Subsampling
from models.encoders.frames import frame_lengths, halved, length_mask
from models.encoders.pooling import pool_segments
from models.encoders.text_chars import PADDING
from models.encoders.text_spelling import SpellingEncoder


class PaddedSpelling(nn.Module):
    """A SpellingEncoder with one row a text, padded and masked.

    Args:
        encoder: whose weights are shared.
    """

    def __init__(self, encoder: SpellingEncoder) -> None:
        super().__init__()
        self.embedding = encoder.embedding
        self.layers = encoder.layers
        self.width, self.segments, self.kernel = encoder.width, encoder.segments, encoder.kernel

    def forward(self, ids_BL: Tensor) -> Tensor:
        """(B, L) ids, padding last, to (B, S, D)."""
        real_BL = ids_BL != PADDING
        real_BL1 = real_BL[..., None].to(self.embedding.weight.dtype)
        length, margin = ids_BL.shape[1], self.kernel // 2
        x_BLD = self.embedding(ids_BL)
        for module in self.layers:
            layer: Any = module  # a Neighbours, whose parts torch types as tensors
            seen = F.pad(layer.norm(x_BLD) * real_BL1, (0, 0, margin, margin))
            beside = torch.cat([seen[:, i : i + length] for i in range(self.kernel)], -1)
            x_BLD = x_BLD + F.gelu(layer.filter(beside))
        return pool_segments(x_BLD, real_BL.sum(1), self.segments)


class WholeSubsampling(nn.Module):
    """Subsampling of all frames given; those that no clip needs are masked, not cut."""

    def __init__(self, module: Subsampling) -> None:
        super().__init__()
        self.conv1, self.conv2, self.norm = module.conv1, module.conv2, module.norm

    def forward(self, frames_BFM: Tensor) -> tuple[Tensor, Tensor]:
        lengths = frame_lengths(frames_BFM)
        x = frames_BFM.to(self.conv1.weight.dtype).transpose(1, 2)
        for convolution in (self.conv1, self.conv2):
            lengths = halved(lengths)
            x = F.gelu(convolution(x))
            x = x * length_mask(lengths, x.shape[2])[:, None]
        x_BPD = self.norm(x.transpose(1, 2))
        return x_BPD * length_mask(lengths, x_BPD.shape[1])[..., None], lengths


STAND_INS: dict[type[nn.Module], Callable[..., nn.Module]] = {
    SpellingEncoder: PaddedSpelling,
    Subsampling: WholeSubsampling,
}


def traceable(module: nn.Module) -> nn.Module:
    """A copy for a tracer: stand-ins in place, evaluation mode, plain memory layout."""
    copied = copy.deepcopy(module).eval().requires_grad_(False)
    for path, layer in list(copied.named_modules()):
        stand_in = STAND_INS.get(type(layer))
        if stand_in is not None:
            if not path:
                return stand_in(layer)
            copied.set_submodule(path, stand_in(layer))
    return copied
