"""What frozen encoders say at every depth, in one pass: a student may stop after any block.

A student that keeps the first blocks of an encoder computes exactly what the whole encoder computes
on the way, so the features of all depths cost one pass, and a search can compare them without
running an encoder again.

Shapes: N samples, S segments, P positions, D width, L layers, T texts.
"""

import copy

import torch
from torch import Tensor, nn

from models.encoders.audio_frontend import WhisperLogMel
from models.encoders.audio_whisper import POSITION, TAIL, WhisperEncoder
from models.encoders.pooling import masked_mean, pool_segments
from models.encoders.text_minilm import MiniLM
from models.encoders.text_spelling import SpellingEncoder


class WhisperDepths(nn.Module):
    """Samples to S vectors after each block, every one through the encoder's last norm.

    The last depth is what `models.encoders.audio_whisper.WhisperSegments` answers, to the byte.

    Args:
        encoder: a Whisper encoder; unchanged.
        segments: S, equal spans of the clip that are averaged.
    """

    def __init__(self, encoder: WhisperEncoder, *, segments: int) -> None:
        super().__init__()
        self.front_end = WhisperLogMel()
        self.blocks, self.norm = encoder.blocks, encoder.norm
        self.start = copy.copy(encoder)  # shares the weights; the same without blocks and norm
        self.start._modules = {
            **encoder._modules,
            "blocks": nn.ModuleList(),
            "norm": nn.Identity(),
        }
        self.segments = segments

    def forward(self, wave_N: Tensor) -> Tensor:
        """(N,) samples at 16 kHz in -1..1 to (L, S, D)."""
        end = len(wave_N) + TAIL
        padded = nn.functional.pad(wave_N, (0, end + -end % POSITION - len(wave_N)))
        positions = torch.tensor([-(-len(wave_N) // POSITION)])
        x_1PD = self.start(self.front_end(padded)[None])
        found = []
        for block in self.blocks:
            x_1PD = block(x_1PD)
            found.append(pool_segments(self.norm(x_1PD), positions, self.segments)[0])
        return torch.stack(found)


def sentence_depths(encoder: MiniLM, ids: list[int]) -> Tensor:
    """Token ids of one sentence to the means (L + 1, D) of the embedding and of every layer."""
    ids_1L = torch.tensor([ids])
    mask_1L = torch.ones_like(ids_1L)
    found = encoder.bert(input_ids=ids_1L, attention_mask=mask_1L, output_hidden_states=True)
    return torch.cat([masked_mean(layer, mask_1L) for layer in found.hidden_states])


def of_depth(means_TLD: Tensor, layers: int) -> Tensor:
    """What a MiniLM of so many layers says, (T, 2 D): its last layer, and that at two thirds.

    Args:
        means_TLD: from `sentence_depths`, the embedding first.
        layers: how many the student keeps, from 1.

    Raises:
        ValueError: there are not so many.
    """
    most = means_TLD.shape[1] - 1
    if not 1 <= layers <= most:
        raise ValueError(f"layers={layers}: allowed are 1 to {most}")
    return torch.cat([means_TLD[:, layers], means_TLD[:, layers * 2 // 3]], 1)


def shorter(encoder: SpellingEncoder, layers: int) -> SpellingEncoder:
    """The first layers of an encoder of letters; shares its weights.

    Raises:
        ValueError: it has fewer.
    """
    if not 0 <= layers <= len(encoder.layers):
        raise ValueError(f"layers={layers}: allowed are 0 to {len(encoder.layers)}")
    short = copy.copy(encoder)
    short._modules = {**encoder._modules, "layers": encoder.layers[:layers]}
    return short
