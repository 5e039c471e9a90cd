"""A small ResNet from scratch: the image encoder that needs no packaged weights.

Shapes: B images, S pixels a side, D width.
Source: He et al. 2015, https://arxiv.org/abs/1512.03385; the modules are transformers' own.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.foreign import transformers


class ResNet(nn.Module):
    """Pixels to one vector: transformers' ResNetModel with basic blocks.

    Args:
        channels: feature maps of each stage; the last is the width D.
        depths: blocks of each stage.

    Raises:
        ValueError: the two do not have the same length.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, channels: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        if len(channels) != len(depths) or not channels:
            raise ValueError(
                f"channels={list(channels)} and depths={list(depths)}: "
                "give one number of each per stage, and at least one stage"
            )
        self.width = channels[-1]
        self.model = transformers.ResNetModel(
            transformers.ResNetConfig(
                embedding_size=channels[0],
                hidden_sizes=list(channels),
                depths=list(depths),
                layer_type="basic",
            )
        )
        # ImageNet's statistics: any fixed values near the data's would do.
        self.register_buffer("mean", torch.tensor([123.7, 116.3, 103.5])[:, None, None])
        self.register_buffer("deviation", torch.tensor([58.4, 57.1, 57.4])[:, None, None])

    def forward(self, pixels_B3SS: Tensor) -> Tensor:
        """Pixels 0 to 255 of any dtype, as cached, to (B, D)."""
        pixels = (pixels_B3SS.to(self.mean.dtype) - self.mean) / self.deviation
        pooled: Tensor = self.model(pixel_values=pixels).pooler_output
        return pooled.flatten(1)
