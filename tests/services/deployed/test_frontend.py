"""What the torch-free front end makes of a question is what training saw."""

import io
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from torch.nn import functional as F

from models import media
from models.encoders import audio_frontend, audio_whisper, text_chars
from models.encoders.packaged import read_files
from models.encoders.text_minilm import LONGEST
from services.deployed import frontend, sound
from services.question import Question, UnreadableError
from tests.services.conftest import ENCODERS

PACKAGED = {
    "image": ("pixels",),
    "caption": ("ids", "mask"),
    "text": ("letters",),
    "audio": ("mel", "positions"),
}
RAW = {"image": ("content",), "caption": ("content",), "text": ("letters",), "audio": ("content",)}


def word(rate: int, *, seconds: float = 0.7, seed: int = 0) -> np.ndarray:
    """Like a spoken word: a gliding tone with overtones, in noise, between two silences."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * k * (120 * time + 40 * time**2)) / k for k in range(1, 12))
    voiced = np.sin(np.pi * time / seconds) * (tone + 0.1 * rng.standard_normal(len(time)))
    still = 1e-4 * rng.standard_normal(rate // 4)
    return (0.2 * np.concatenate([still, voiced, still])).astype(np.float32)


def recording(rate: int, *, channels: int = 1, kind: str = "WAV", **made: Any) -> bytes:
    file = io.BytesIO()
    wave = np.stack([word(rate, seed=seed, **made) for seed in range(channels)], 1)
    soundfile.write(file, wave, rate, format=kind)
    return file.getvalue()


def drawing(mode: str, size: tuple[int, int], *, kind: str = "PNG") -> bytes:
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (size[1], size[0], 4), np.uint8)
    noise[:, :, 3] = 0
    noise[size[1] // 4 : -size[1] // 4, size[0] // 3 :, 3] = 255
    file = io.BytesIO()
    Image.fromarray(noise, "RGBA").convert(mode).save(file, kind)
    return file.getvalue()


def front(inputs: dict[str, tuple[str, ...]], **settings: Any) -> frontend.FrontEnd:
    return frontend.FrontEnd(
        settings={**ENCODERS, **settings},
        characters=" abcdefgrw",
        inputs=inputs,
        tokenizer=read_files("minilm")["tokenizer.json"].decode(),
    )


@pytest.mark.parametrize(
    "data",
    [
        drawing("RGBA", (40, 64)),
        drawing("RGB", (64, 40), kind="JPEG"),
        drawing("L", (33, 33)),
        drawing("P", (30, 50), kind="GIF"),
    ],
    ids=["RGBA", "JPEG", "grey", "palette"],
)
@pytest.mark.parametrize("side", [32, 96])
def test_pictures(data: bytes, side: int) -> None:
    found = frontend.picture(data, side)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], media.pixels(data, side).float().numpy())


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_recordings_at_any_rate(rate: int) -> None:
    data = recording(rate)
    expected = media.samples(data, 2.0).numpy()
    found = sound.samples(data, 2.0)
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (recording(44_100, channels=2), 2.0),
        (recording(22_050, kind="FLAC"), 0.3),
        (recording(16_000, kind="OGG", seconds=1.3), 1.0),
    ],
    ids=["stereo", "cut", "lossy"],
)
def test_recordings_of_any_kind(data: bytes, seconds: float) -> None:
    expected = media.samples(data, seconds).numpy()
    np.testing.assert_allclose(sound.samples(data, seconds), expected, atol=1e-5)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_silence_at_the_ends_goes(rate: int) -> None:
    wave = word(rate)
    expected = media.trimmed(torch.from_numpy(wave), rate).numpy()
    assert len(expected) < len(wave)
    np.testing.assert_array_equal(sound.trimmed(wave, rate), expected)
    for same in (np.zeros(rate, np.float32), wave[:7]):
        np.testing.assert_array_equal(sound.trimmed(same, rate), same)


@pytest.mark.parametrize("length", [1, 319, 320, 5_000, 16_000])
def test_what_whisper_hears(length: int) -> None:
    wave = np.resize(word(16_000), length)
    # WhisperSegments.forward: the tail, then whole positions.
    end = length + audio_whisper.TAIL
    padded = F.pad(torch.from_numpy(wave), (0, end + -end % audio_whisper.POSITION - length))
    mel, positions = sound.whisper_mel(wave)
    assert positions == -(-length // audio_whisper.POSITION)
    expected = audio_frontend.WhisperLogMel()(padded).numpy()
    np.testing.assert_allclose(mel, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["log-mel", "mfcc"])
def test_frames_of_encoders_from_scratch(name: Any) -> None:
    wave = sound.samples(recording(16_000), 2.0)
    expected = audio_frontend.FrontEnd(name)(torch.from_numpy(wave)).numpy()
    # Training keeps them as float16: half a unit in the last place of numbers up to 8 is 2^-9.
    np.testing.assert_allclose(sound.frames(wave, name), expected, atol=2**-9 + 1e-4)


def test_too_short_to_hear() -> None:
    with pytest.raises(ValueError, match="150 samples: at least 201 are needed"):
        sound.frames(np.ones(150, np.float32), "log-mel")


@pytest.mark.parametrize("text", ["Bread", "  ﬁRE\twagon ", "x" * 40, "мір", " "])
def test_letters(text: str) -> None:
    expected = text_chars.Vocabulary(" abcdefgrw").encode([text], length=16)[0].numpy()
    found = front(RAW).describe(Question(text=text))["text"]["letters"][0]
    assert len(found) == max(np.count_nonzero(expected), 1)
    np.testing.assert_array_equal(np.pad(found, (0, 16 - len(found))), expected)


@pytest.mark.parametrize("text", ["a red cab", "¿Señor Ångström?", "word " * 400])
def test_tokens(text: str) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(read_files("minilm")["tokenizer.json"].decode())
    tokenizer.enable_truncation(LONGEST)
    tokenizer.no_padding()
    found = front(PACKAGED).describe(Question(caption=text))["caption"]
    assert found["ids"].tolist() == [tokenizer.encode(text).ids]
    assert found["mask"].tolist() == [[1] * found["ids"].shape[1]]


def test_each_view_gets_the_inputs_that_its_graph_names(everything: Question) -> None:
    for inputs in (PACKAGED, RAW):
        found = front(inputs).describe(everything)
        assert {view: tuple(named) for view, named in found.items()} == inputs
        assert {len(array) for named in found.values() for array in named.values()} == {1}


def test_a_caption_that_nothing_can_read() -> None:
    reader = frontend.FrontEnd(settings=ENCODERS, characters="ab", inputs=PACKAGED, tokenizer=None)
    with pytest.raises(UnreadableError, match=r"the caption cannot be read: .* no tokenizer\.json"):
        reader.describe(Question(caption="a"))


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (Question(), "at least one of image, caption, text, audio"),
        (Question(image=b"not a picture"), "the image cannot be read"),
        (Question(audio=b"not a sound"), "the audio cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(question: Question, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        front(PACKAGED).describe(question)
