"""Text in any language, letter by letter and in order: the counterpart of a recording in segments.

A recording is averaged over S equal spans of time. Here the letters are averaged over S equal spans
of the text. Letters are spoken in the order in which they are written, so the s-th span of one is
roughly the s-th span of the other, and a plain layer on top can match them span by span. Pooling
over the whole text instead (text_chars.py) leaves that order to be learned, and costs a third of
the retrieval (docs/RESULTS.md).

Shapes: B texts, L characters, D width, S segments.
T: letters of a whole batch in one row.
Source: ours; residual convolutions as in Gehring et al. 2017, https://arxiv.org/abs/1705.03122,
with GELU for gated units.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.encoders.pooling import pool_segments
from models.encoders.text_chars import FIRST, PADDING


class Neighbours(nn.Module):
    """Every letter looks at those beside it; added to what it was.

    A convolution over all texts of a batch in one row, as a matrix product: most texts are short,
    and padding each to the longest would be most of the work.
    """

    def __init__(self, *, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.kernel = kernel
        self.norm = nn.LayerNorm(width)
        self.filter = nn.Linear(kernel * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_TD: Tensor, real_T1: Tensor) -> Tensor:
        """(T, D) letters in a row and which of them are letters, to (T, D)."""
        seen = F.pad(self.norm(x_TD) * real_T1, (0, 0, self.kernel // 2, self.kernel // 2))
        beside = torch.cat([seen[i : i + len(x_TD)] for i in range(self.kernel)], 1)
        added: Tensor = self.dropout(F.gelu(self.filter(beside)))
        return x_TD + added


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
        self.width, self.segments, self.kernel = width, segments, kernel
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=PADDING)
        self.layers = nn.ModuleList(
            Neighbours(width=width, kernel=kernel, dropout=dropout) for _ in range(layers)
        )

    def forward(self, ids_BL: Tensor) -> Tensor:
        """(B, L) ids to (B, S, D). The result does not depend on how much padding follows."""
        real_BL = ids_BL != PADDING
        lengths_B = real_BL.sum(1)
        # Texts in one row, each followed by as much padding as a filter reaches over.
        margin = self.kernel // 2
        kept_BL = torch.arange(ids_BL.shape[1] + margin) < lengths_B[:, None] + margin
        row_T = F.pad(ids_BL, (0, margin), value=PADDING)[kept_BL]
        real_T1 = (row_T != PADDING)[:, None].to(self.embedding.weight.dtype)
        x_TD = self.embedding(row_T)
        for layer in self.layers:
            x_TD = layer(x_TD, real_T1)
        longest = max(int(lengths_B.max()), 1)
        starts_B = (lengths_B + margin).cumsum(0) - lengths_B - margin
        place_BL = (starts_B[:, None] + torch.arange(longest)).clamp(max=max(len(row_T) - 1, 0))
        if not len(row_T):
            return self.embedding.weight.new_zeros(len(ids_BL), self.segments, self.width)
        return pool_segments(x_TD[place_BL], lengths_B, self.segments)
