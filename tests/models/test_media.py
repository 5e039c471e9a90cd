"""Pictures and sounds from bytes."""

import io
import math

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from models.media import pixels, samples, trimmed

RATE = 16_000


def encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def recorded(wave: np.ndarray, rate: int, kind: str = "WAV") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate, format=kind)
    return buffer.getvalue()


def sine(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * math.pi * hertz * np.arange(round(seconds * rate)) / rate)


def test_transparent_borders_are_cut_and_white_takes_their_place():
    picture = Image.new("RGBA", (100, 60), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (10, 20, 60, 40))  # 50 wide, 20 high
    out = pixels(encoded(picture), 54)  # 50 and a margin of 2 on each side
    assert out.shape == (3, 54, 54)
    assert out.dtype == torch.uint8
    assert out[:, 27, 27].tolist() == [255, 0, 0]
    assert out[:, 27, 2].tolist() == [255, 0, 0]
    assert out[:, 27, 1].tolist() == [255, 255, 255]
    assert out[:, 10, 27].tolist() == [255, 255, 255]
    assert int((out[1] == 0).sum()) == 50 * 20


def test_half_transparent_colour_mixes_with_white():
    out = pixels(encoded(Image.new("RGBA", (10, 10), (0, 0, 0, 128))), 12)
    assert out[:, 6, 6].tolist() == [127, 127, 127]  # 255 * (1 - 128 / 255)


def test_a_wholly_transparent_picture_is_white_and_jpeg_works():
    assert (pixels(encoded(Image.new("RGBA", (9, 9), (5, 5, 5, 0))), 32) == 255).all()
    assert pixels(encoded(Image.new("RGB", (20, 10), "blue"), "JPEG"), 32).shape == (3, 32, 32)


def test_text_is_not_a_picture():
    with pytest.raises(OSError, match="cannot identify image"):
        pixels(b"hello", 32)


def test_silence_at_both_ends_goes():
    quiet = np.zeros(RATE // 2)
    wave = torch.from_numpy(np.concatenate([quiet, sine(0.3, RATE), quiet]))
    # 0.3 s of tone and 5 frames of 10 ms on each side.
    assert len(trimmed(wave, RATE)) == RATE * 4 // 10


def test_silent_and_tiny_clips_stay():
    assert len(trimmed(torch.zeros(1000), RATE)) == 1000
    assert len(trimmed(torch.ones(7), RATE)) == 7


def test_a_stereo_clip_is_mixed_cut_and_resampled():
    stereo = np.stack([sine(1.0, 44_100), np.zeros(44_100)], 1)
    wave = samples(recorded(stereo, 44_100), 0.5)
    assert wave.dtype == torch.float32
    assert len(wave) == RATE // 2
    # The left channel at half its loudness, sampled anew; the ends ring, so the middle is compared.
    expected = torch.from_numpy(sine(0.5, RATE)).float() / 2
    torch.testing.assert_close(wave[500:-500], expected[500:-500], atol=2e-3, rtol=0)


def test_sixteen_kilohertz_stay_as_they_are():
    wave = sine(0.2, RATE).astype(np.float32)
    out = samples(recorded(wave, RATE, "FLAC"), 5.0)
    torch.testing.assert_close(out, torch.from_numpy(wave), atol=1e-4, rtol=0)


def test_a_clip_without_samples_and_text_are_refused():
    with pytest.raises(ValueError, match="the file holds no samples"):
        samples(recorded(np.zeros(0), RATE), 1.0)
    with pytest.raises(soundfile.LibsndfileError):
        samples(b"hello", 1.0)
