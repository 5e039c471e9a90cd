"""Towers: how the content of one view becomes vectors. Chosen by name, described by TowerSpec.

A tower answers twice: `whole`, a summary for the category expert, and `detail`, everything it knows
for the projection. Towers of frozen features have no weights of their own.

Shapes: B batch, W joint width of blocks, S segments, L characters, D width of an encoder.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.encoders.audio_conformer import AudioConformer
from models.encoders.audio_conv import AudioConv
from models.encoders.image_resnet import ResNet
from models.encoders.text_chars import CharEncoder
from models.encoders.text_spelling import SpellingEncoder
from models.spec import TowerSpec

TINY = torch.finfo(torch.float32).tiny
"""Smallest normal number: nothing that a feature says lies below."""


class Blocks(nn.Module):
    """Frozen features: blocks of different origin (layers, networks) side by side, made comparable.

    Each block becomes a unit vector after a signed square root, which tames the few huge
    activations of ReLU networks (the "power normalisation" of Perronnin et al. 2010,
    https://doi.org/10.1007/978-3-642-15561-1_11). No statistics of the data are needed.

    Where the last block holds probabilities of named classes, the names help too: the mean of their
    vectors, weighed by the probabilities, is one more block, which lives in the space of captions
    (ConSE, Norouzi et al. 2014, https://arxiv.org/abs/1312.5650).

    Args:
        sizes: widths of the blocks; their sum is the input's width W.
        names: width of the class names' vectors, 0 where there are none. The vectors themselves
            are the buffer `names`, zero until `name_classes` or a state dict fills it.
    """

    names: Tensor

    def __init__(self, *, sizes: list[int], names: int) -> None:
        super().__init__()
        self.sizes = sizes
        self.blocks = len(sizes) + (names > 0)
        self.whole = self.detail = sum(sizes) + names
        self.register_buffer("names", torch.zeros(sizes[-1], names))

    def name_classes(self, names: Tensor) -> None:
        """Fill in the vectors of the class names."""
        self.names.copy_(names)

    def forward(self, x_BW: Tensor) -> tuple[Tensor, Tensor]:
        """(B, W) to (B, W + names), twice; a row's mean square is 1."""
        length = (self.whole / self.blocks) ** 0.5
        parts = list(torch.split(x_BW.float(), self.sizes, -1))
        if self.names.numel():
            parts.append(parts[-1] @ self.names)
        # A root's derivative at exactly 0 is infinite, and 0 times that is NaN; here it is 0.
        roots = [part.sign() * part.abs().clamp(min=TINY).sqrt() for part in parts]
        joint = length * torch.cat([F.normalize(root, dim=-1) for root in roots], -1)
        return joint, joint


class Segments(nn.Module):
    """Frozen features in time: (B, S, D). Their mean is the summary."""

    def __init__(self, *, segments: int, width: int) -> None:
        super().__init__()
        self.segments = segments
        self.whole, self.detail = width, segments * width

    def forward(self, x_BSD: Tensor) -> tuple[Tensor, Tensor]:
        x_BSD = x_BSD.float()
        return x_BSD.mean(1), x_BSD.flatten(1)


class Encoded(nn.Module):
    """A trained encoder; one that answers in segments is summarised by their mean."""

    def __init__(self, encoder: nn.Module, *, width: int, segments: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.whole, self.detail = width, segments * width

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        encoded = self.encoder(x)
        if encoded.ndim == 3:
            return encoded.mean(1), encoded.flatten(1)
        return encoded, encoded


def _encoded(
    encoder: AudioConv | AudioConformer | CharEncoder | ResNet | SpellingEncoder,
) -> Encoded:
    segments = 1 if isinstance(encoder, CharEncoder | ResNet) else encoder.segments
    return Encoded(encoder, width=encoder.width, segments=segments)


TOWERS: dict[str, Callable[..., Blocks | Segments | Encoded]] = {
    "blocks": Blocks,
    "segments": Segments,
    "chars": lambda **settings: _encoded(CharEncoder(**settings)),
    "spelling": lambda **settings: _encoded(SpellingEncoder(**settings)),
    "resnet": lambda **settings: _encoded(ResNet(**settings)),
    "conv": lambda **settings: _encoded(AudioConv(**settings)),
    "conformer": lambda **settings: _encoded(AudioConformer(**settings)),
}
"""Name to a factory that takes the settings of a TowerSpec."""


READS_LETTERS = ("chars", "spelling")
"""Towers whose size depends on the vocabulary."""


def build_tower(spec: TowerSpec, *, vocabulary: int) -> Blocks | Segments | Encoded:
    """The tower of a view.

    Args:
        spec: its name and settings.
        vocabulary: number of character ids, for towers that read letters.

    Raises:
        ValueError: the name is unknown.
    """
    if spec.name not in TOWERS:
        raise ValueError(f"tower {spec.name!r}: allowed are {', '.join(sorted(TOWERS))}")
    extra = {"vocabulary": vocabulary} if spec.name in READS_LETTERS else {}
    return TOWERS[spec.name](**spec.settings, **extra)
