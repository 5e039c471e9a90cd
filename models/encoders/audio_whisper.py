"""Whisper-tiny's encoder: a frozen speech encoder for clips shorter than 30 s.

The published model pads every clip to 30 s; a spoken word lasts one. Cropping the position table
to the clip makes it some twenty times cheaper. What a clip becomes depends on the clip alone: it is
encoded by itself, never padded to its neighbours' length.

Shapes: B clips of one length, F mel frames (10 ms), P = F / 2 positions (20 ms), D width.
Source: Radford et al. 2022, https://arxiv.org/abs/2212.04356. Differs in: short input.
"""

import re
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.encoders.audio_frontend import HOP, RATE, WhisperLogMel
from models.encoders.pooling import pool_segments

HEADS_WIDTH = 64
"""Width of one attention head in every Whisper size."""
POSITION = 2 * HOP
"""Samples that one position stands for."""
LAYER = r"encoder/layer_\d+/ffn/linear_0/weight"
"""The one variable that every layer of a CTranslate2 model has by this name."""
TAIL = RATE // 5
"""Samples of silence after a clip: the weights have never seen speech that ends with the input."""


class Block(nn.Module):
    """Pre-norm self-attention and feed-forward."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.heads = width // HEADS_WIDTH
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed_in = nn.Linear(width, 4 * width)
        self.feed_out = nn.Linear(4 * width, width)

    def forward(self, x_BPD: Tensor) -> Tensor:
        batch, positions, _ = x_BPD.shape
        joint = self.query_key_value(self.attention_norm(x_BPD))
        query, key, value = joint.view(batch, positions, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value)
        x_BPD = x_BPD + self.attention_out(seen.transpose(1, 2).flatten(2))
        fed: Tensor = self.feed_out(F.gelu(self.feed_in(self.feed_norm(x_BPD))))
        return x_BPD + fed


class WhisperEncoder(nn.Module):
    """Log-mel frames to one vector every 20 ms.

    Args:
        width: size D of a vector.
        layers: transformer blocks.
        bins: mel bins of the input.
        positions: longest input, in positions of 20 ms.
    """

    def __init__(self, *, width: int, layers: int, bins: int = 80, positions: int = 1500) -> None:
        super().__init__()
        if width % HEADS_WIDTH:
            raise ValueError(f"width={width}: must be a multiple of {HEADS_WIDTH}")
        self.conv1 = nn.Conv1d(bins, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(positions, width))
        self.blocks = nn.ModuleList(Block(width=width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, mel_BMF: Tensor) -> Tensor:
        """(B, bins, F) log-mel to (B, F / 2, D).

        Raises:
            ValueError: the clip is longer than the position table.
        """
        x = F.gelu(self.conv1(mel_BMF))
        x_BPD = F.gelu(self.conv2(x)).transpose(1, 2)
        if x_BPD.shape[1] > len(self.positions):
            raise ValueError(
                f"{mel_BMF.shape[-1]} mel frames: at most {2 * len(self.positions)} fit; "
                "shorten the clip"
            )
        x_BPD = x_BPD + self.positions[: x_BPD.shape[1]]
        for block in self.blocks:
            x_BPD = block(x_BPD)
        normed: Tensor = self.norm(x_BPD)
        return normed


def from_ctranslate2(arrays: Mapping[str, np.ndarray]) -> WhisperEncoder:
    """The frozen encoder with the weights of a CTranslate2 Whisper model.

    Args:
        arrays: variables of its model.bin by name, e.g. `encoder/layer_0/ffn/linear_0/weight`.

    Raises:
        KeyError: a variable is missing: the file is not a Whisper model.
        RuntimeError: shapes do not fit (torch names them).
    """

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(arrays[f"encoder/{name}"].astype(np.float32))

    weights = {"positions": tensor("position_encodings/encodings")}
    for conv in ("conv1", "conv2"):
        weights[f"{conv}.weight"] = tensor(f"{conv}/weight")
        weights[f"{conv}.bias"] = tensor(f"{conv}/bias")
    norms = {"norm": "layer_norm"}
    linears = {}
    layers = sum(re.fullmatch(LAYER, name) is not None for name in arrays)
    for i in range(layers):
        norms[f"blocks.{i}.attention_norm"] = f"layer_{i}/self_attention/layer_norm"
        norms[f"blocks.{i}.feed_norm"] = f"layer_{i}/ffn/layer_norm"
        linears[f"blocks.{i}.query_key_value"] = f"layer_{i}/self_attention/linear_0"
        linears[f"blocks.{i}.attention_out"] = f"layer_{i}/self_attention/linear_1"
        linears[f"blocks.{i}.feed_in"] = f"layer_{i}/ffn/linear_0"
        linears[f"blocks.{i}.feed_out"] = f"layer_{i}/ffn/linear_1"
    for ours, theirs in norms.items():
        weights[f"{ours}.weight"] = tensor(f"{theirs}/gamma")
        weights[f"{ours}.bias"] = tensor(f"{theirs}/beta")
    for ours, theirs in linears.items():
        weights[f"{ours}.weight"] = tensor(f"{theirs}/weight")
        weights[f"{ours}.bias"] = tensor(f"{theirs}/bias")
    positions, width = weights["positions"].shape
    bins = weights["conv1.weight"].shape[1]
    with torch.device("meta"):
        model = WhisperEncoder(width=width, layers=layers, bins=bins, positions=positions)
    model.load_state_dict(weights, strict=True, assign=True)
    return model.eval().requires_grad_(False)


class WhisperSegments(nn.Module):
    """Samples to S vectors: front end, encoder and averaging in one.

    Args:
        encoder: a Whisper encoder.
        segments: S, equal spans of the clip that are averaged.
    """

    def __init__(self, encoder: WhisperEncoder, *, segments: int) -> None:
        super().__init__()
        self.front_end = WhisperLogMel()
        self.encoder = encoder
        self.segments = segments

    def forward(self, wave_N: Tensor) -> Tensor:
        """(N,) samples at 16 kHz in -1..1 to (S, D); the silence added is left out of the means."""
        end = len(wave_N) + TAIL
        padded = F.pad(wave_N, (0, end + -end % POSITION - len(wave_N)))
        x_1PD = self.encoder(self.front_end(padded)[None])
        positions = torch.tensor([-(-len(wave_N) // POSITION)])
        return pool_segments(x_1PD, positions, self.segments)[0]
