"""Signal-to-noise ratio, clipping, silence and duration of a sound.

The signal-to-noise ratio is estimated without a clean reference, after the percentile idea of
NIST's `stnr`: power in frames of 20 ms, its 15th percentile taken as the noise, its 85th as signal
plus noise:

    snr = 10 log10((P85 - P15) / P15)

So it needs pauses in at least 15 % of the frames; a sound without any is scored too low, never too
high.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRAME_SECONDS = 0.02
NOISE_PERCENTILE, SIGNAL_PERCENTILE = 15.0, 85.0
LOWEST_DB, HIGHEST_DB = -20.0, 80.0
"""Bounds of the estimate: sixteen bits do not tell more apart."""

CLIPPED = 0.999
"""Magnitude at and above which a sample counts as clipped."""
SILENT_DB = -40.0
"""A frame this far below the loud ones counts as silence."""

FULL_SNR_DB = 30.0
"""Signal-to-noise ratio from which on more is not better for speech."""
FULL_SECONDS = 0.3
"""Duration from which on a word can be complete."""
HALF_CLIPPING = 0.1
"""Share of clipped samples that costs half of the clipping score: distorted, yet understandable."""


@dataclass(frozen=True)
class SoundQuality:
    """What was measured, and the score of it in 0..1."""

    seconds: float
    snr_db: float
    clipping: float
    silence: float
    score: float


def sound_quality(sound_CN: NDArray[np.float32], rate: int) -> SoundQuality:
    """Measure a sound.

    Args:
        sound_CN: channels x samples, full scale is -1..1; finite, not all zero, at least one
        sample. rate: samples a second.

    Returns:
        duration in seconds, estimated SNR in dB (-20..80), share of clipped samples, share of
        silent frames. The score is the geometric mean of `clip(snr / 30, 0, 1)`,
        `0.1 / (0.1 + clipping)`, `1 - silence` and `min(1, seconds / 0.3)`.
    """
    seconds = sound_CN.shape[1] / rate
    clipping = np.count_nonzero(np.abs(sound_CN) >= CLIPPED) / sound_CN.size
    power = _frame_power(sound_CN.mean(0, dtype=np.float64), rate)
    snr_db = _snr_db(power)
    loud = np.percentile(power, 95.0)
    silence = float((power <= loud * 10 ** (SILENT_DB / 10)).mean())
    factors = (
        float(np.clip(snr_db / FULL_SNR_DB, 0.0, 1.0)),
        HALF_CLIPPING / (HALF_CLIPPING + clipping),
        1.0 - silence,
        min(1.0, seconds / FULL_SECONDS),
    )
    return SoundQuality(seconds, snr_db, clipping, silence, float(np.prod(factors) ** (1 / 4)))


def _frame_power(mono_N: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Mean square of frames of 20 ms, half overlapping; one frame where the sound is shorter."""
    half = max(1, round(FRAME_SECONDS * rate / 2))
    count = mono_N.size // half
    if count < 2:
        return np.array([np.mean(mono_N**2)])
    halves = np.square(mono_N[: count * half]).reshape(count, half).mean(1)
    result: NDArray[np.float64] = (halves[1:] + halves[:-1]) / 2
    return result


def _snr_db(power: NDArray[np.float64]) -> float:
    noise, loud = np.percentile(power, (NOISE_PERCENTILE, SIGNAL_PERCENTILE))
    if noise <= loud * 10 ** (-HIGHEST_DB / 10):
        return HIGHEST_DB if loud > 0 else LOWEST_DB
    ratio = max((loud - noise) / noise, 10 ** (LOWEST_DB / 10))
    return float(10 * np.log10(ratio))
