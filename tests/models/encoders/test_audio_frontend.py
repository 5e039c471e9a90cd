"""Frames of sound, against transformers' extractor and a sine of known pitch."""

import math

import numpy as np
import pytest
import torch

from models.encoders.audio_frontend import BINS, RATE, FrontEnd, WhisperLogMel
from models.foreign import torchaudio, transformers


def speechlike(seconds: float) -> torch.Tensor:
    """Noise whose loudness rises and falls."""
    time = torch.arange(int(seconds * RATE)) / RATE
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(3))
    return 0.2 * noise * torch.sin(2 * math.pi * 2 * time).abs()


def test_whisper_log_mel_equals_transformers_extractor():
    wave = speechlike(30.0)
    extractor = transformers.WhisperFeatureExtractor()
    theirs = extractor(wave.numpy(), sampling_rate=RATE, return_tensors="np").input_features[0]
    ours = WhisperLogMel()(wave).numpy()
    assert ours.shape == theirs.shape == (80, 3000)
    np.testing.assert_allclose(ours, theirs, atol=2e-4)  # theirs is float64 inside


@pytest.mark.parametrize("name", ["log-mel", "mfcc"])
def test_frames_are_standardised_and_ten_milliseconds_apart(name):
    frames = FrontEnd(name)(speechlike(1.0))
    assert frames.shape == (1 + RATE // 160, BINS)
    torch.testing.assert_close(frames.mean(0), torch.zeros(BINS), atol=1e-4, rtol=0)
    assert (frames.std(0, unbiased=False) <= 1.0 + 1e-4).all()


def test_louder_is_the_same():
    wave = 0.2 * torch.randn(RATE // 2, generator=torch.Generator().manual_seed(4))
    one, two = FrontEnd("log-mel")(wave), FrontEnd("log-mel")(2 * wave)
    torch.testing.assert_close(one, two, atol=1e-3, rtol=0)


def test_a_sine_lights_the_bin_of_its_pitch():
    # HTK mel of 1000 Hz is 999.99; 80 triangles lie evenly between 0 and mel(8000) = 2840.02,
    # so that 1000 Hz lies at 999.99 / 2840.02 * 81 = 28.5 triangle centres, bin 27 or 28 from 0.
    time = torch.arange(RATE) / RATE
    mel = FrontEnd("log-mel").transform(torch.sin(2 * math.pi * 1000 * time))
    assert int(mel.mean(1).argmax()) in (27, 28)


def test_mfcc_is_the_cosine_transform_of_log_mel():
    wave = speechlike(0.3)
    log_mel = (FrontEnd("log-mel").transform(wave) + 1e-6).log()
    cosine = torchaudio.functional.create_dct(BINS, BINS, "ortho")
    torch.testing.assert_close(
        FrontEnd("mfcc").transform(wave), (log_mel.T @ cosine).T, atol=1e-3, rtol=1e-3
    )


def test_an_unknown_front_end_is_named():
    with pytest.raises(ValueError, match="front_end='cqt': allowed are 'log-mel' and 'mfcc'"):
        FrontEnd("cqt")
