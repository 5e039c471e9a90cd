"""Look into media files: readable? how large, how good? A file that fails says why; it never
raises."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import blake3
import numpy as np

from models.quality import image_quality, sound_quality
from tasks.ingest.svg import render


@dataclass(frozen=True)
class ImageFacts:
    """What the manifest says about an image; digest and size are of the file in data/media."""

    blake3: str
    bytes: int
    width: int
    height: int
    sharpness: float
    contrast: float
    size_score: float
    score: float


@dataclass(frozen=True)
class SoundFacts:
    """What the manifest says about a sound; digest and size are those of the file in data/media."""

    blake3: str
    bytes: int
    seconds: float
    rate: int
    snr_db: float
    clipping: float
    silence: float
    score: float


@dataclass(frozen=True)
class Flaw:
    """Why a file cannot be used.

    Args:
        reason: one of a few, to count by.
        detail: what was found in this file.
    """

    reason: str
    detail: str


def examine_image(path: Path, svg_pixels: int) -> ImageFacts | Flaw:
    """Decode an image fully and measure it."""
    data = _contents(path)
    if isinstance(data, Flaw):
        return data
    # Imported here: worker processes and validation read facts without decoding.
    from PIL import Image

    try:
        data = as_published(path, data, svg_pixels)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                pixels = np.asarray(image.convert("RGBA"))
    except Exception as error:  # on hostile bytes, decoders raise whatever comes to their mind
        return Flaw("not an image", _gist(error))
    if not pixels[..., 3].any():
        return Flaw("transparent image", "no pixel can be seen")
    found = image_quality(pixels)
    return ImageFacts(
        blake3=blake3.blake3(data).hexdigest(),
        bytes=len(data),
        width=pixels.shape[1],
        height=pixels.shape[0],
        sharpness=found.sharpness,
        contrast=found.contrast,
        size_score=found.size_score,
        score=found.score,
    )


def examine_sound(path: Path) -> SoundFacts | Flaw:
    """Decode a sound fully and measure it."""
    data = _contents(path)
    if isinstance(data, Flaw):
        return data
    # Imported here: sources without sound do without the codec library.
    import soundfile

    try:
        samples_NC, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except Exception as error:  # on hostile bytes, decoders raise whatever comes to their mind
        return Flaw("not a sound", _gist(error))
    if samples_NC.size == 0:
        return Flaw("empty sound", "the file is sound, but holds no sample")
    if not np.isfinite(samples_NC).all():
        bad = int((~np.isfinite(samples_NC)).sum())
        return Flaw("NaN sound", f"{bad} of {samples_NC.size} samples are NaN or infinite")
    if not samples_NC.any():
        return Flaw("silent sound", "every sample is zero")
    found = sound_quality(np.ascontiguousarray(samples_NC.T), rate)
    return SoundFacts(
        blake3=blake3.blake3(data).hexdigest(),
        bytes=len(data),
        seconds=found.seconds,
        rate=rate,
        snr_db=found.snr_db,
        clipping=found.clipping,
        silence=found.silence,
        score=found.score,
    )


def as_published(path: Path, data: bytes, svg_pixels: int) -> bytes:
    """The bytes that go to data/media: drawings become PNG, all else stays as it is."""
    return render(data, svg_pixels) if path.suffix == ".svg" else data


def _contents(path: Path) -> bytes | Flaw:
    try:
        if not path.exists():
            return Flaw("missing file", "there is no such file")
        if not path.is_file():  # opening a pipe would wait for ever
            return Flaw("not a file", "it is a folder, pipe or device")
        data = path.read_bytes()
    except OSError as error:
        return Flaw("unreadable file", _gist(error))
    return data or Flaw("empty file", "it has 0 bytes")


def _gist(error: Exception) -> str:
    """The first line of a message, without addresses of objects, which differ from run to run."""
    first = (str(error) or type(error).__name__).splitlines()[0]
    return first.partition(" <_io.BytesIO")[0].partition(": Error opening")[0][:200]
