"""Source `digits`: scans that scikit-learn ships, number words, tones made by formula.

For machines without apt and network, and for trying the pipeline. The pairing is artificial: nobody
spoke, and nobody wrote the word. Image: UCI optical digits (test half, 1,797 scans, public). Sound:
the two tones that a telephone key sends (ITU-T Q.23) between pauses, with some noise.
"""

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.ingest.source import Gathered, Row
from tasks.params.ingest import IngestParams

WORDS = {
    "be": "нуль адзін два тры чатыры пяць шэсць сем восем дзевяць",
    "bg": "нула едно две три четири пет шест седем осем девет",
    "ca": "zero u dos tres quatre cinc sis set vuit nou",
    "da": "nul en to tre fire fem seks syv otte ni",
    "el": "μηδέν ένα δύο τρία τέσσερα πέντε έξι επτά οκτώ εννέα",
    "en": "zero one two three four five six seven eight nine",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf",
    "ro": "zero unu doi trei patru cinci șase șapte opt nouă",
    "ru": "ноль один два три четыре пять шесть семь восемь девять",
}
"""Number words from zero to nine."""

LABELS = WORDS["en"].split()

LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477)
KEYPAD = ("123", "456", "789", "*0#")
"""Rows send a low tone, columns a high one (ITU-T Q.23)."""

RATE = 8000
PAUSE_SECONDS = 0.1
NOISE = 0.003

WRITERS = 13
"""The scans were collected from 13 writers; the file is cut into as many runs, one group each."""

WARNING = (
    "source digits: the pairing is artificial. Scans, number words and telephone tones have "
    "nothing to do with each other but the digit, so no figure made from them "
    "says anything about speech"
)


class Digits:
    """Ten classes, `ingest.digits.clips_per_class` rows each, languages in turn."""

    def __init__(self, params: IngestParams) -> None:
        self._params = params

    def fetch(self) -> Path | None:
        """Nothing to fetch: scikit-learn holds the scans."""
        return None

    def read(self, raw: Path | None, scratch: Path) -> Gathered:  # noqa: ARG002  # as Source
        """Write the pictures and sounds, and describe them."""
        self._check()
        # Imported here: scikit-learn's data sets take a second, and the other sources do without.
        from sklearn.datasets import load_digits

        scans = load_digits()
        rows = []
        for digit, label in enumerate(LABELS):
            places = self._choose(np.flatnonzero(scans.target == digit), label)
            for count, place in enumerate(places):
                language = self._params.languages[count % len(self._params.languages)]
                name = f"{label}/{place:04d}"
                _write_png(scans.images[place], scratch / f"{name}.png")
                _write_wav(tones(digit, place), scratch / f"{name}.wav")
                rows.append(
                    Row(
                        id=name,
                        item=name,
                        group=f"writer-{place * WRITERS // len(scans.target):02d}",
                        language=language,
                        label=label,
                        split=None,
                        caption=label,
                        text=WORDS[language].split()[digit],
                        image=f"{name}.png",
                        audio=f"{name}.wav",
                    )
                )
        facts: dict[str, str | int] = {"scans": len(scans.target), "licence": "CC BY 4.0 (UCI 80)"}
        return Gathered(scratch, rows, facts, warnings=[WARNING])

    def _choose(self, places: NDArray[np.int64], label: str) -> list[int]:
        """As many as asked for, evenly over the file and so over the writers."""
        wanted = self._params.digits.clips_per_class
        if wanted > len(places):
            raise InputError(
                f"`ingest.digits.clips_per_class` is {wanted}, but there are "
                f"{len(places)} scans of {label}: ask for fewer"
            )
        return [int(place) for place in places[np.arange(wanted) * len(places) // wanted]]

    def _check(self) -> None:
        if set(self._params.labels) != set(LABELS) or self._params.extra_labels:
            raise InputError(
                "source digits has other classes: set "
                f"`ingest.labels: [{', '.join(sorted(LABELS))}]` and `ingest.extra_labels: []`"
            )
        if unknown := [code for code in self._params.languages if code not in WORDS]:
            raise InputError(
                f"source digits has no number words in {unknown[0]!r}: choose "
                f"`ingest.languages` from {', '.join(WORDS)}"
            )


def tones(digit: int, seed: int) -> NDArray[np.int16]:
    """A telephone key: pause, both tones, pause, over noise.

    Args:
        digit: 0..9.
        seed: decides length, loudness and noise, so that no two recordings are alike.

    Returns:
        samples at 8,000 Hz.
    """
    random = np.random.default_rng(seed)
    low, high = frequencies(digit)
    time = np.arange(int(RATE * random.uniform(0.25, 0.45))) / RATE
    sound = np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)
    sound *= random.uniform(0.2, 0.4)
    padded = np.pad(sound, int(PAUSE_SECONDS * RATE))
    padded += NOISE * random.standard_normal(padded.size)
    return np.round(padded * 32767).astype(np.int16)


def frequencies(digit: int) -> tuple[int, int]:
    """Low and high tone of a digit's key in Hz."""
    row = next(number for number, keys in enumerate(KEYPAD) if str(digit) in keys)
    return LOW_HZ[row], HIGH_HZ[KEYPAD[row].index(str(digit))]


def _write_png(scan_HW: NDArray[np.float64], path: Path) -> None:
    """Eight by eight grey levels 0..16, as dark ink on white and eight times as large."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.kron(255 - scan_HW * 15, np.ones((8, 8))).astype(np.uint8)
    Image.fromarray(pixels).save(path)


def _write_wav(sound: Sequence[int] | NDArray[np.int16], path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.asarray(sound, dtype="<i2").tobytes())
