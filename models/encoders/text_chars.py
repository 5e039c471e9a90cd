"""Text in any language, letter by letter: a character encoder trained from scratch.

Shapes: B texts, L characters, D width.
Source: Kim 2014, https://arxiv.org/abs/1408.5882 (convolutions of several widths, then the maximum
over time), over characters as in Kim et al. 2015, https://arxiv.org/abs/1508.06615. Differs in: the
mean over time beside the maximum, since word stems and endings both matter here.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.encoders.pooling import masked_mean

PADDING = 0
UNKNOWN = 1
FIRST = 2
"""Id of the first character of a vocabulary."""


def normalised(text: str) -> str:
    """Lower case, composed letters, single blanks: one spelling for one look."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@dataclass(frozen=True)
class Vocabulary:
    """The characters that the training rows hold.

    Args:
        characters: sorted, each once; the i-th has id i + 2, after padding and unknown.
    """

    characters: str

    def __post_init__(self) -> None:
        if list(self.characters) != sorted(set(self.characters)):
            raise ValueError(f"characters={self.characters!r}: must be sorted, each once")

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Vocabulary":
        """The vocabulary of some texts; their order does not matter."""
        seen: set[str] = set()
        for text in texts:
            seen.update(normalised(text))
        return cls("".join(sorted(seen)))

    def __len__(self) -> int:
        """Ids in use, with padding and unknown."""
        return FIRST + len(self.characters)

    def encode(self, texts: Sequence[str | None], *, length: int) -> Tensor:
        """(N, length) long ids: texts are cut at `length`; an absent text is all padding."""
        known = {character: FIRST + i for i, character in enumerate(self.characters)}
        ids = torch.zeros(len(texts), length, dtype=torch.long)
        for row, text in enumerate(texts):
            found = [known.get(character, UNKNOWN) for character in normalised(text or "")[:length]]
            ids[row, : len(found)] = torch.tensor(found, dtype=torch.long)
        return ids


class CharEncoder(nn.Module):
    """Character ids to one vector.

    Args:
        vocabulary: number of ids, padding and unknown counted.
        embedding: size of a character's vector.
        channels: filters of each kernel width.
        kernels: how many characters a filter sees, such as (1, 2, 3, 4).
        width: size D of the result.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        embedding: int,
        channels: int,
        kernels: Sequence[int],
        width: int,
    ) -> None:
        super().__init__()
        if vocabulary <= FIRST:
            raise ValueError(f"vocabulary={vocabulary}: no character, only padding and unknown")
        if not kernels or min(kernels) < 1:
            raise ValueError(f"kernels={list(kernels)}: give at least one, each 1 or more")
        self.width, self.kernels = width, tuple(kernels)
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=PADDING)
        self.convolutions = nn.ModuleList(nn.Conv1d(embedding, channels, k) for k in kernels)
        self.out = nn.Linear(2 * channels * len(kernels), width)

    def forward(self, ids_BL: Tensor) -> Tensor:
        """(B, L) ids to (B, D). The result does not depend on how much padding follows the text."""
        real_BL = ids_BL != PADDING
        x_BEL = self.embedding(ids_BL).transpose(1, 2)
        pooled = []
        for kernel, convolution in zip(self.kernels, self.convolutions, strict=True):
            # A filter sits over a position and what follows it: padding on the far side only.
            y_BLC = F.relu(convolution(F.pad(x_BEL, (0, kernel - 1)))).transpose(1, 2)
            pooled.append(masked_mean(y_BLC, real_BL))
            # After ReLU nothing is below 0, so zeros at the padding never win.
            pooled.append((y_BLC * real_BL[..., None]).amax(1))
        vectors: Tensor = self.out(torch.cat(pooled, 1))
        return vectors
