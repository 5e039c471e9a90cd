"""Bytes of a recording to what the sound views hear, with numpy alone.

The same arithmetic as models/media.py and models/encoders/audio_frontend.py, which need torch and
torchaudio: six times the memory of what runs here. Tests hold the two together.

Shapes: N samples at 16 kHz, F frames of 10 ms, M = 80 bins.
Sources: resampling by a windowed sinc, https://ccrma.stanford.edu/~jos/resample/; the two scales of
pitch: O'Shaughnessy 1987 (HTK) and Slaney 1998, Auditory Toolbox, which Whisper was trained on.
"""

import io
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

RATE = 16_000
HOP = 160
WINDOW = 400
BINS = 80
POSITION = 2 * HOP
TAIL = RATE // 5
FRAME_SECONDS = 0.01
QUIET = 0.03
KEPT_FRAMES = 5
"""As the constants of the same names in models/: tests compare what comes out."""

ZERO_CROSSINGS = 6
ROLLOFF = 0.99
"""Of the resampling filter: its reach to each side, and its cut-off as a share of half the rate."""


def samples(data: bytes, seconds: float) -> Array:
    """Decode, mix to mono, trim silence at both ends, cut, resample.

    Args:
        data: bytes of an OGG, WAV, FLAC or anything else that libsndfile reads.
        seconds: longest result.

    Returns:
        (N,) at 16 kHz, N at least 1.

    Raises:
        soundfile.LibsndfileError: the bytes cannot be decoded.
        ValueError: the file holds no samples.
    """
    import soundfile  # 18 MB of memory that a question without sound does not need

    channels, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    if not len(channels):
        raise ValueError("the file holds no samples")
    mono: Array = channels.mean(1)
    wave = trimmed(mono, rate)[: max(round(seconds * rate), 1)]
    return wave if rate == RATE else resampled(wave, rate)


def trimmed(wave_N: Array, rate: int) -> Array:
    """Without the silence at both ends; a clip that is silent throughout stays as it is."""
    frame = max(round(rate * FRAME_SECONDS), 1)
    count = len(wave_N) // frame
    if count == 0:
        return wave_N
    loudness = np.sqrt(np.square(wave_N[: count * frame].reshape(count, frame)).mean(1))
    heard = np.flatnonzero(loudness > QUIET * loudness.max())
    if not len(heard):
        return wave_N
    first = max(int(heard[0]) - KEPT_FRAMES, 0)
    return wave_N[first * frame : (int(heard[-1]) + 1 + KEPT_FRAMES) * frame]


def resampled(wave_N: Array, rate: int) -> Array:
    """From `rate` to 16 kHz; ceil(N 16000 / rate) samples."""
    step, phases, width, kernel = _filter(rate)
    length = -(-phases * len(wave_N) // step)
    padded = np.pad(wave_N, (width, width + step))
    reach = kernel.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach)[::step]
    found: Array = (windows @ kernel.T).reshape(-1)[:length]
    return found


@lru_cache(maxsize=16)
def _filter(rate: int) -> tuple[int, int, int, Array]:
    """Step in old samples, new samples a step, reach to each side, and a filter for each of them.

    Filter p at old sample i is sinc(b (i / step - p / phases)) under a Hann window, where b is the
    cut-off in half-rates; all in double precision.
    """
    shared = math.gcd(rate, RATE)
    step, phases = rate // shared, RATE // shared
    cut = min(step, phases) * ROLLOFF
    width = math.ceil(ZERO_CROSSINGS * step / cut)
    place = np.arange(-width, width + step) / step
    when = cut * (place - np.arange(phases)[:, None] / phases)
    when = when.clip(-ZERO_CROSSINGS, ZERO_CROSSINGS)
    hann = np.cos(when * np.pi / ZERO_CROSSINGS / 2) ** 2
    kernel = np.sinc(when) * hann * (cut / step)
    return step, phases, width, kernel.astype(np.float32)


def whisper_mel(wave_N: Array) -> tuple[Array, int]:
    """(N,) to the (80, F) log-mel of the clip with its silent tail, and its positions of 20 ms.

    The tail is not counted: what the encoder says of it is left out of the means.
    """
    end = len(wave_N) + TAIL
    padded = np.pad(wave_N, (0, end + -end % POSITION - len(wave_N)))
    power = _mel_power(padded, scale="slaney")[:, :-1]
    logarithm = np.log10(np.maximum(power, 1e-10))
    mel = (np.maximum(logarithm, logarithm.max() - 8.0) + 4.0) / 4.0
    return mel.astype(np.float32), -(-len(wave_N) // POSITION)


def frames(wave_N: Array, front_end: str) -> Array:
    """(N,) to (F, 80) frames for encoders trained from scratch, as training stored them (float16).

    Args:
        wave_N: samples.
        front_end: "log-mel" or "mfcc".
    """
    power = _mel_power(wave_N, scale="htk").T
    if front_end == "mfcc":
        found = np.log(power + 1e-6) @ _cosines()
    else:
        found = np.log(np.maximum(power, 1e-6))
    standard = (found - found.mean(0)) / (found.std(0) + 1e-3)
    kept: Array = standard.astype(np.float16).astype(np.float32)
    return kept


def _mel_power(wave_N: Array, *, scale: str) -> NDArray[np.float64]:
    """(80, 1 + N // 160): power in each mel bin, frames centred, ends mirrored."""
    if len(wave_N) <= WINDOW // 2:
        raise ValueError(f"{len(wave_N)} samples: at least {WINDOW // 2 + 1} are needed to hear")
    mirrored = np.pad(wave_N.astype(np.float64), WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, WINDOW)[::HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    spectrum = np.fft.rfft(windows * hann, axis=1)
    power: NDArray[np.float64] = _triangles(scale).T @ np.square(np.abs(spectrum)).T
    return power


@lru_cache(maxsize=2)
def _triangles(scale: str) -> NDArray[np.float64]:
    """(201, 80): overlapping triangles, equally wide on a scale of pitch."""
    top = _pitch(np.array(RATE / 2), scale)
    edges = _hertz(np.linspace(0.0, top, BINS + 2), scale)
    heard = np.linspace(0.0, RATE / 2, WINDOW // 2 + 1)[:, None]
    rising = (heard - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - heard) / (edges[2:] - edges[1:-1])
    triangles: NDArray[np.float64] = np.maximum(np.minimum(rising, falling), 0.0)
    if scale == "slaney":  # each of the same area
        triangles *= 2.0 / (edges[2:] - edges[:-2])
    return triangles


BREAK, STEP, RATIO = 1000.0, 200.0 / 3.0, math.log(6.4) / 27.0
"""Slaney's scale is linear up to 1 kHz, one mel every 66.7 Hz, then logarithmic."""


def _pitch(hertz: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + hertz / 700.0)
    above = BREAK / STEP + np.log(np.maximum(hertz, BREAK) / BREAK) / RATIO
    return np.where(hertz < BREAK, hertz / STEP, above)


def _hertz(pitch: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    if scale == "htk":
        return 700.0 * (10.0 ** (pitch / 2595.0) - 1.0)
    above = BREAK * np.exp(RATIO * np.maximum(pitch - BREAK / STEP, 0.0))
    return np.where(pitch < BREAK / STEP, STEP * pitch, above)


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """(80, 80): the orthonormal DCT-II."""
    bins = np.arange(BINS)
    cosines = np.cos(np.pi / BINS * (bins[:, None] + 0.5) * bins) * math.sqrt(2.0 / BINS)
    cosines[:, 0] /= math.sqrt(2.0)
    return cosines
