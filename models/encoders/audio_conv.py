"""A convolutional speech encoder from scratch.

Shapes: B clips, F frames (10 ms), M = 80 bins, P positions (40 ms), D width, S segments.
Source: residual separable convolutions as in QuartzNet, Kriman et al. 2019,
https://arxiv.org/abs/1910.10261. Differs in: layer norm for batch norm, so that a clip's result
depends on that clip alone; a few blocks instead of dozens.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from models.encoders.frames import cropped, frame_lengths, halved, length_mask
from models.encoders.pooling import pool_segments


class Subsampling(nn.Module):
    """Frames of 10 ms to vectors of 40 ms: two convolutions of stride 2."""

    def __init__(self, *, bins: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(bins, width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(width)

    def forward(self, frames_BFM: Tensor) -> tuple[Tensor, Tensor]:
        """(B, F, M) frames to (B, P, D) vectors and (B,) lengths; padding stays zero."""
        lengths = frame_lengths(frames_BFM)
        x = cropped(frames_BFM, lengths).to(self.conv1.weight.dtype).transpose(1, 2)
        for convolution in (self.conv1, self.conv2):
            lengths = halved(lengths)
            x = F.gelu(convolution(x))
            x = x * length_mask(lengths, x.shape[2])[:, None]
        x_BPD = self.norm(x.transpose(1, 2))
        return x_BPD * length_mask(lengths, x_BPD.shape[1])[..., None], lengths


class SeparableBlock(nn.Module):
    """Filter every channel in time, then mix channels; add the input."""

    def __init__(self, *, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.filter = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )

    def forward(self, x_BPD: Tensor, mask_BP1: Tensor) -> Tensor:
        filtered = self.filter((x_BPD * mask_BP1).transpose(1, 2)).transpose(1, 2)
        mixed: Tensor = self.mix(self.norm(filtered))
        return x_BPD + mixed


class AudioConv(nn.Module):
    """Frames to S vectors a clip.

    Args:
        width: size D of a vector.
        layers: separable blocks.
        segments: S, spans of time that are averaged.
        kernel: positions a block's filter sees; odd.
        dropout: share of activations dropped in training.
        bins: M.
    """

    def __init__(
        self,
        *,
        width: int,
        layers: int,
        segments: int,
        kernel: int,
        dropout: float,
        bins: int = 80,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel={kernel}: must be odd, so that a filter has a centre")
        self.width, self.segments = width, segments
        self.subsampling = Subsampling(bins=bins, width=width)
        self.blocks = nn.ModuleList(
            SeparableBlock(width=width, kernel=kernel, dropout=dropout) for _ in range(layers)
        )

    def forward(self, frames_BFM: Tensor) -> Tensor:
        """(B, F, M) frames, zero-padded, to (B, S, D)."""
        x_BPD, lengths = self.subsampling(frames_BFM)
        mask = length_mask(lengths, x_BPD.shape[1])[..., None]
        for block in self.blocks:
            x_BPD = block(x_BPD, mask)
        return pool_segments(x_BPD, lengths, self.segments)
