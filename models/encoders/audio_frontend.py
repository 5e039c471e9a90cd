"""Sound to frames: log-mel, MFCC, and the log-mel that Whisper was trained on.

Shapes: N samples at 16 kHz, F frames of 10 ms, 80 bins.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from models.foreign import torchaudio

RATE = 16_000
"""Samples a second."""
HOP = 160
"""Samples from one frame to the next: 10 ms."""
WINDOW = 400
BINS = 80

FrontEndName = Literal["log-mel", "mfcc"]


def _mel(**scale: str) -> nn.Module:
    mel: nn.Module = torchaudio.transforms.MelSpectrogram(
        sample_rate=RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BINS, power=2.0, **scale
    )
    return mel


class WhisperLogMel(nn.Module):
    """The log-mel that Whisper's weights expect.

    Slaney mel filters, base-10 logarithm, floor 8 decades under the loudest bin, then (x + 4) / 4.
    Source: `log_mel_spectrogram` in https://github.com/openai/whisper/blob/main/whisper/audio.py.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mel = _mel(norm="slaney", mel_scale="slaney")

    def forward(self, wave_N: Tensor) -> Tensor:
        """(N,) samples in -1..1 to (80, N // 160) frames."""
        power = self.mel(wave_N)[..., :-1]
        logarithm = power.clamp(min=1e-10).log10()
        floor = logarithm.amax((-2, -1), keepdim=True) - 8.0
        return (torch.maximum(logarithm, floor) + 4.0) / 4.0


class FrontEnd(nn.Module):
    """Frames for encoders trained from scratch: log-mel or MFCC, each clip to mean 0, deviation 1.

    Standardising each clip takes away loudness and most of the microphone's colour, which would
    otherwise tell the language (roughly one speaker a language) instead of the word.

    Args:
        name: "log-mel" (80 mel bins, natural logarithm) or "mfcc" (80 coefficients of it).
    """

    def __init__(self, name: FrontEndName) -> None:
        super().__init__()
        if name == "log-mel":
            self.transform = _mel()
        elif name == "mfcc":
            self.transform = torchaudio.transforms.MFCC(
                sample_rate=RATE,
                n_mfcc=BINS,
                log_mels=True,
                melkwargs={"n_fft": WINDOW, "hop_length": HOP, "n_mels": BINS},
            )
        else:
            raise ValueError(f"front_end={name!r}: allowed are 'log-mel' and 'mfcc'")
        self.name = name

    def forward(self, wave_N: Tensor) -> Tensor:
        """(N,) samples in -1..1 to (1 + N // 160, 80) frames."""
        frames: Tensor = self.transform(wave_N)
        if self.name == "log-mel":
            frames = frames.clamp(min=1e-6).log()
        frames = frames.transpose(-1, -2)
        mean = frames.mean(-2, keepdim=True)
        deviation = frames.std(-2, keepdim=True, unbiased=False)
        return (frames - mean) / (deviation + 1e-3)
