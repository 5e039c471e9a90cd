"""Bytes of a picture or a recording to what the encoders see and hear.

Shapes: S pixels a side, N samples at 16 kHz.
"""

import io
import math
from functools import lru_cache

import numpy as np
import soundfile
import torch
from PIL import Image
from torch import Tensor, nn

from models.encoders.audio_frontend import RATE
from models.foreign import torchaudio

MARGIN = 0.04
"""White border on each side, as a share of the longer side: shapes that touch the edge of the
square look cut off to a network trained on photographs."""


def pixels(data: bytes, side: int) -> Tensor:
    """Decode, crop to what is not transparent, paste on a white square, resize.

    Args:
        data: bytes of a PNG, JPEG or anything else that Pillow reads.
        side: pixels a side of the result.

    Returns:
        (3, side, side) uint8, RGB.

    Raises:
        OSError: Pillow cannot decode the bytes.
    """
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGBA")
    box = picture.getchannel("A").getbbox()
    if box is not None:  # None: wholly transparent, and then it is a white square
        picture = picture.crop(box)
    longer = max(picture.size)
    whole = longer + 2 * math.ceil(MARGIN * longer)
    square = Image.new("RGBA", (whole, whole), "white")
    corner = ((whole - picture.width) // 2, (whole - picture.height) // 2)
    square.alpha_composite(picture, corner)
    resized = square.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1).contiguous()


FRAME_SECONDS = 0.01
QUIET = 0.03
"""Frames below this share of the loudest frame (-30 dB) count as silence at a clip's ends."""
KEPT_FRAMES = 5
"""Frames of that silence kept on each side: soft consonants start below the threshold."""


def samples(data: bytes, seconds: float) -> Tensor:
    """Decode, mix to mono, trim silence at both ends, cut, resample.

    Args:
        data: bytes of an OGG, WAV, FLAC or anything else that libsndfile reads.
        seconds: longest result.

    Returns:
        (N,) float32 at 16 kHz, N at least 1.

    Raises:
        soundfile.LibsndfileError: the bytes cannot be decoded.
        ValueError: the file holds no samples.
    """
    channels, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    if not len(channels):
        raise ValueError("the file holds no samples")
    wave = trimmed(torch.from_numpy(channels).mean(1), rate)[: max(round(seconds * rate), 1)]
    return wave if rate == RATE else _resampler(rate)(wave)


def trimmed(wave_N: Tensor, rate: int) -> Tensor:
    """Without the silence at both ends; a clip that is silent throughout stays as it is."""
    frame = max(round(rate * FRAME_SECONDS), 1)
    count = len(wave_N) // frame
    if count == 0:
        return wave_N
    loudness = wave_N[: count * frame].view(count, frame).square().mean(1).sqrt()
    heard = (loudness > QUIET * loudness.max()).nonzero().flatten()
    if not len(heard):
        return wave_N
    first = max(int(heard[0]) - KEPT_FRAMES, 0)
    return wave_N[first * frame : (int(heard[-1]) + 1 + KEPT_FRAMES) * frame]


@lru_cache(maxsize=16)
def _resampler(rate: int) -> nn.Module:
    """The filter of a rate; making it costs more than using it."""
    resampler: nn.Module = torchaudio.transforms.Resample(rate, RATE)
    return resampler
