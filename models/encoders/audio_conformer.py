"""A conformer speech encoder from scratch: attention for the whole, convolution for the detail.

Shapes: B clips, F frames (10 ms), M = 80 bins, P positions (40 ms), D width, S segments, H heads.
Source: Gulati et al. 2020, https://arxiv.org/abs/2005.08100. Differs in: layer norm for batch norm
inside the convolution module (a clip's result depends on that clip alone), and no position table
(clips last a second or two, and the convolutions tell the order).
"""

from torch import Tensor, nn
from torch.nn import functional as F

from models.encoders.audio_conv import Subsampling
from models.encoders.frames import length_mask
from models.encoders.pooling import pool_segments


class FeedForward(nn.Module):
    """Norm, widen fourfold, SiLU, narrow; added by half, before and after the rest of a block."""

    def __init__(self, *, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x_BPD: Tensor) -> Tensor:
        fed: Tensor = self.layers(x_BPD)
        return x_BPD + 0.5 * fed


class Attention(nn.Module):
    """Every position looks at every real one."""

    def __init__(self, *, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        batch, positions, _ = x_BPD.shape
        joint = self.query_key_value(self.norm(x_BPD))
        query, key, value = joint.view(batch, positions, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask_BP[:, None, None])
        mixed: Tensor = self.dropout(self.out(seen.transpose(1, 2).flatten(2)))
        return x_BPD + mixed


class Convolution(nn.Module):
    """Gate, filter every channel in time, mix."""

    def __init__(self, *, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 2 * width)
        self.filter = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.filter_norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        gated = F.glu(self.gate(self.norm(x_BPD))) * mask_BP[..., None]
        filtered = self.filter(gated.transpose(1, 2)).transpose(1, 2)
        mixed: Tensor = self.dropout(self.out(F.silu(self.filter_norm(filtered))))
        return x_BPD + mixed


class ConformerBlock(nn.Module):
    """Half a feed-forward, attention, convolution, the other half, norm."""

    def __init__(self, *, width: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.before = FeedForward(width=width, dropout=dropout)
        self.attention = Attention(width=width, heads=heads, dropout=dropout)
        self.convolution = Convolution(width=width, kernel=kernel, dropout=dropout)
        self.after = FeedForward(width=width, dropout=dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, x_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        x_BPD = self.attention(self.before(x_BPD), mask_BP)
        normed: Tensor = self.norm(self.after(self.convolution(x_BPD, mask_BP)))
        return normed


class AudioConformer(nn.Module):
    """Frames to S vectors a clip.

    Args:
        width: size D of a vector.
        layers: conformer blocks.
        heads: attention heads H; must divide the width.
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
        heads: int,
        segments: int,
        kernel: int,
        dropout: float,
        bins: int = 80,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"heads={heads}: must divide width={width}")
        if kernel % 2 == 0:
            raise ValueError(f"kernel={kernel}: must be odd, so that a filter has a centre")
        self.width, self.segments = width, segments
        self.subsampling = Subsampling(bins=bins, width=width)
        self.blocks = nn.ModuleList(
            ConformerBlock(width=width, heads=heads, kernel=kernel, dropout=dropout)
            for _ in range(layers)
        )

    def forward(self, frames_BFM: Tensor) -> Tensor:
        """(B, F, M) frames, zero-padded, to (B, S, D)."""
        x_BPD, lengths = self.subsampling(frames_BFM)
        # An absent clip keeps one position: attention over nothing would be NaN.
        mask = length_mask(lengths.clamp(min=1), x_BPD.shape[1])
        for block in self.blocks:
            x_BPD = block(x_BPD, mask)
        return pool_segments(x_BPD, lengths, self.segments)
