import wave
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.errors import InputError
from tasks.ingest.digits import LABELS, RATE, WORDS, Digits, tones
from tasks.params.ingest import IngestParams

Settings = Callable[..., IngestParams]


def test_describes_scans_words_and_tones(tmp_path: Path, settings: Settings) -> None:
    params = settings(
        labels=LABELS, extra_labels=[], languages=["fr", "el"], digits={"clips_per_class": 26}
    )
    source = Digits(params)
    assert source.fetch() is None
    found = source.read(None, tmp_path)
    assert Counter(row.label for row in found.rows) == dict.fromkeys(LABELS, 26)
    assert len({row.group for row in found.rows}) == 13, "the scans come from 13 writers"
    three = next(row for row in found.rows if row.label == "three" and row.language == "fr")
    assert three.text == "trois"
    with Image.open(found.root / str(three.image)) as image:
        assert image.size == (64, 64)
    with wave.open(str(found.root / str(three.audio))) as file:
        assert file.getframerate() == RATE
    assert "artificial" in found.warnings[0]


@pytest.mark.parametrize(
    ("digit", "low", "high"),
    # ITU-T Recommendation Q.23, table 1.
    [(1, 697, 1209), (5, 770, 1336), (9, 852, 1477), (0, 941, 1336)],
)
def test_tones_are_those_of_a_telephone(digit: int, low: int, high: int) -> None:
    sound = tones(digit, seed=1) / 32768
    spectrum = np.abs(
        np.fft.rfft(sound * np.hanning(len(sound)), 8 * RATE)
    )  # an eighth of a Hz apart
    spectrum = spectrum.reshape(-1)
    peaks = [
        np.argmax(spectrum * mask) / 8
        for mask in (np.arange(spectrum.size) < 8 * 1000, np.arange(spectrum.size) >= 8 * 1000)
    ]
    assert peaks == pytest.approx([low, high], abs=2.0)


def test_no_two_recordings_are_alike() -> None:
    assert not np.array_equal(tones(3, 1), tones(3, 2)[: len(tones(3, 1))])
    assert np.array_equal(tones(3, 1), tones(3, 1)), "but each is always the same"


def test_ten_words_in_each_language() -> None:
    assert {len(words.split()) for words in WORDS.values()} == {10}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"set `ingest\.labels: \[eight, five, four, .*\]` and `ingest\.extra_labels: \[\]`"),
        (
            {"labels": LABELS, "extra_labels": [], "languages": ["xx"]},
            "no number words in 'xx': choose",
        ),
        (
            {"labels": LABELS, "extra_labels": [], "digits": {"clips_per_class": 179}},
            "is 179, but there are 178 scans of zero: ask for fewer",
        ),
    ],
)
def test_impossible_wishes_are_named(
    tmp_path: Path, settings: Settings, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Digits(settings(**changes)).read(None, tmp_path)
