"""Text in any language, letter by letter and in order: the counterpart of a recording in segments.

A recording is averaged over S equal spans of time. Here the letters are averaged over S equal spans
of the text. Letters are spoken in the order in which they are written, so the s-th span of one is
roughly the s-th span of the other, and a plain layer on top can match them span by span. Pooling
over the whole text instead (text_chars.py) leaves that order to be learned, and costs a third of
the retrieval (docs/RESULTS.md).

Shapes: B texts, L characters, D width, S segments.
Source: ours; residual convolutions as in Gehring et al. 2017, https://arxiv.org/abs/1705.03122,
with GELU for gated units.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from models.encoders.pooling import pool_segments
from models.encoders.text_chars import FIRST, PADDING


class Neighbours(nn.Module):
    """Every letter looks at those beside it; added to what it was."""

    def __init__(self, *, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.filter = nn.Conv1d(width, width, kernel, padding=kernel // 2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BLD: Tensor, real_BL1: Tensor) -> Tensor:
        heard: Tensor = self.filter((self.norm(x_BLD) * real_BL1).transpose(1, 2))
        added: Tensor = self.dropout(F.gelu(heard.transpose(1, 2)))
        return x_BLD + added


class SpellingEncoder(nn.Module):
    """Character ids to S vectors.

    Args:
        vocabulary: number of ids, padding and unknown counted.
        width: size D of a vector.
        layers: convolutions.
        kernel: letters a convolution sees; odd.
        segments: S, spans of the text.
        dropout: share of activations dropped in training.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        width: int,
        layers: int,
        kernel: int,
        segments: int,
        dropout: float,
    ) -> None:
        super().__init__()
        if vocabulary <= FIRST:
            raise ValueError(f"vocabulary={vocabulary}: no character, only padding and unknown")
        if kernel % 2 == 0:
            raise ValueError(f"kernel={kernel}: must be odd, so that a filter has a centre")
        self.width, self.segments = width, segments
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=PADDING)
        self.layers = nn.ModuleList(
            Neighbours(width=width, kernel=kernel, dropout=dropout) for _ in range(layers)
        )

    def forward(self, ids_BL: Tensor) -> Tensor:
        """(B, L) ids to (B, S, D). The result does not depend on how much padding follows."""
        lengths_B = (ids_BL != PADDING).sum(1)
        ids_BL = ids_BL[:, : max(int(lengths_B.max()), 1)]
        real_BL1 = (ids_BL != PADDING)[..., None].to(self.embedding.weight.dtype)
        x_BLD = self.embedding(ids_BL)
        for layer in self.layers:
            x_BLD = layer(x_BLD, real_BL1)
        return pool_segments(x_BLD, lengths_B, self.segments)
