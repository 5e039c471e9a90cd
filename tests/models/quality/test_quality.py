import math

import numpy as np
import pytest

from models.quality import image_quality, overall, sound_quality, text_quality

RATE = 16000


def opaque(levels: np.ndarray) -> np.ndarray:
    """Grey levels 0..255 as an image without transparency."""
    return np.dstack([levels] * 3 + [np.full_like(levels, 255)]).astype(np.uint8)


def test_a_checkerboard_by_hand() -> None:
    board = np.indices((64, 64)).sum(0) % 2 * 255
    found = image_quality(opaque(board))
    # Half of the pixels are 0, half are 1: standard deviation 1/2. Inside, the Laplacian is +-4;
    # on an edge three neighbours differ (+-3), in a corner two (+-2).
    assert found.contrast == pytest.approx(0.5)
    expected = (62 * 62 * 16 + 4 * 62 * 9 + 4 * 4) / 64**2
    assert found.sharpness == pytest.approx(expected)
    assert found.size_score == 1.0
    assert found.score == pytest.approx((expected / (expected + 0.001)) ** (1 / 3))


def test_blur_costs_sharpness_and_nothing_else_does() -> None:
    edges = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((8, 8))) * 255
    kernel = np.ones(5) / 5
    blurred = edges
    for axis in (0, 1):
        blurred = np.apply_along_axis(np.convolve, axis, blurred, kernel, "same")
    sharp, soft = image_quality(opaque(edges)), image_quality(opaque(blurred))
    assert soft.sharpness < sharp.sharpness / 2
    assert soft.score < sharp.score
    assert soft.size_score == sharp.size_score


def test_a_flat_image_is_worthless() -> None:
    found = image_quality(opaque(np.full((20, 20), 128)))
    assert (found.sharpness, found.contrast, found.score) == (
        0.0,
        pytest.approx(0.0),
        pytest.approx(0.0),
    )
    assert found.size_score == pytest.approx(20 / 64)


def test_only_what_can_be_seen_counts() -> None:
    white = np.zeros((80, 80, 4), np.uint8)
    white[30:46, 20:52] = 255
    found = image_quality(white)
    # 32 x 16 in a frame of 4 and 2 pixels on black: 512 of 40 x 20 = 800 pixels are 1.
    assert found.contrast == pytest.approx(math.sqrt(0.64 * 0.36))
    assert found.size_score == pytest.approx(math.sqrt(32 * 16) / 64)
    with pytest.raises(ValueError, match="every pixel is transparent"):
        image_quality(np.zeros((4, 4, 4), np.uint8))


def bursts(snr_db: float, seconds: float = 4.0) -> np.ndarray:
    """A tone that is on for half of the time, in white noise of the power that the ratio wants."""
    time = np.arange(int(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * 440 * time) * 0.3 * (time % 1.0 < 0.5)
    noise = np.random.default_rng(3).standard_normal(time.size)
    power = 0.3**2 / 2 / 10 ** (snr_db / 10)
    return (tone + noise * math.sqrt(power)).astype(np.float32)[None]


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0, 30.0, 40.0])
def test_the_estimate_of_a_known_ratio(snr_db: float) -> None:
    # 15th and 85th percentile of a frame's power lie a few percent below and above the mean,
    # so at 0 dB, where signal and noise are alike, the estimate is a little high.
    assert sound_quality(bursts(snr_db), RATE).snr_db == pytest.approx(snr_db, abs=1.0)


def test_a_sound_without_pauses_is_scored_low() -> None:
    noise = np.random.default_rng(1).standard_normal((1, RATE)).astype(np.float32) * 0.1
    assert sound_quality(noise, RATE).snr_db < 0.0


def test_clipping_is_the_share_at_full_scale() -> None:
    sound = bursts(40.0)
    sound[:, ::10] = 1.0
    found = sound_quality(sound, RATE)
    assert found.clipping == pytest.approx(0.1)
    assert found.score < sound_quality(bursts(40.0), RATE).score


def test_silence_is_the_share_of_frames_40_db_below() -> None:
    sound = bursts(60.0)
    found = sound_quality(sound, RATE)
    assert found.silence == pytest.approx(0.5, abs=0.02), "the tone is off half of the time"
    assert found.seconds == 4.0


def test_digital_silence_between_words_is_the_best_ratio() -> None:
    sound = np.zeros((2, RATE), np.float32)
    sound[:, 3000:9000] = 0.5
    found = sound_quality(sound, RATE)
    assert found.snr_db == 80.0
    assert 0.0 < found.score < 1.0


@pytest.mark.parametrize("samples", [1, 2, 100, 161, 320])
def test_a_sound_shorter_than_a_frame_has_finite_figures(samples: int) -> None:
    found = sound_quality(np.full((1, samples), 0.1, np.float32), RATE)
    assert np.isfinite([found.snr_db, found.score, found.silence]).all()
    assert found.score == 0.0, "one frame says nothing of noise"


@pytest.mark.parametrize(
    ("text", "language", "match"),
    [
        ("Кошка", "ru", 1.0),
        ("Котка", "bg", 1.0),
        ("Ён", "be", 1.0),
        ("γάτα", "el", 1.0),
        ("été", "fr", 1.0),
        ("cat", "ru", 0.0),
        ("кот", "fr", 0.0),
        ("VW жук", "ru", 3 / 5),
        ("7", "el", 1.0),
        ("猫", "ja", 1.0),
        ("ねこ", "ja", 1.0),
        ("gato", "pt_BR", 1.0),
        ("кот cat", "und", 1.0),
    ],
)
def test_letters_of_the_language(text: str, language: str, match: float) -> None:
    assert text_quality(text, language).script_match == pytest.approx(match)


def test_text_score_by_hand() -> None:
    assert text_quality("cat", "fr").score == 1.0
    assert text_quality("cat", "ru").score == 0.5, "foreign letters are half as good"
    assert text_quality("a" * 400, "fr").score == 0.5, "twice as long as is read"
    assert text_quality("a" * 400, "fr").length == 400


def test_overall_is_the_geometric_mean() -> None:
    assert overall([0.25, 1.0]) == pytest.approx(0.5)
    assert overall([0.7]) == pytest.approx(0.7), "absent modalities do not count"
    assert overall([0.0, 1.0, 1.0]) == 0.0, "nothing makes up for a worthless one"


@pytest.mark.parametrize("scores", [[math.nan], [0.5, math.nan], [1.1], [-0.1]])
def test_scores_that_are_none(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="scores must be numbers from 0 to 1"):
        overall(scores)


def test_nothing_to_score() -> None:
    with pytest.raises(ValueError, match="no modality is present"):
        overall([])
