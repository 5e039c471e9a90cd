"""From manifest and media to features."""

import io

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from blake3 import blake3
from PIL import Image

from tasks.errors import CheckFailed, InputError
from tasks.params.encoders import EncoderParams
from tasks.train import features as module
from tasks.train import parallel
from tasks.train.cache import tensor_digest
from tasks.train.features import encode
from tasks.workspace import Workspace

SCRATCH = {
    "image": "resnet",
    "image_pixels": 32,
    "image_names": False,
    "text": "chars",
    "text_characters": 12,
    "audio": "conv",
    "front_end": "log-mel",
    "audio_seconds": 1.0,
    "audio_segments": 4,
}
PACKAGED = {"image": "efficientnet-lite0", "text": "minilm", "audio": "whisper-tiny"}
ROWS = [
    # id, picture, sound, caption, text, split
    ("a", "red", "low", "A red square.", "Красный квадрат", "train"),
    ("b", "red", "high", "A red square.", "Un carré rouge", "train"),
    ("c", "blue", None, "A blue square.", None, "test"),
    ("d", None, "low", None, "Ωmega", "test"),
]


def params(**changes: object) -> EncoderParams:
    return EncoderParams(**(SCRATCH | changes))


def tone(seconds: float, hertz: float) -> bytes:
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * 22_050)) / 22_050)
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, 22_050, format="WAV")
    return buffer.getvalue()


def square(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def data(bare_workspace: Workspace) -> tuple[pd.DataFrame, Workspace]:
    media = {
        "red.png": square("red"),
        "blue.png": square("blue"),
        "low.wav": tone(0.4, 200),
        "high.wav": tone(0.8, 2000),
    }
    bare_workspace.media.mkdir(parents=True)
    for name, content in media.items():
        (bare_workspace.media / name).write_bytes(content)

    def digest(name: str | None) -> str | None:
        return None if name is None else blake3(media[name]).hexdigest()

    rows = []
    for id_, picture, sound, caption, text, split in ROWS:
        image = picture and f"{picture}.png"
        audio = sound and f"{sound}.wav"
        rows.append(
            {
                "id": id_,
                "image": image,
                "image_blake3": digest(image),
                "audio": audio,
                "audio_blake3": digest(audio),
                "caption": caption,
                "text": text,
                "split": split,
            }
        )
    return pd.DataFrame(rows), bare_workspace


def test_rows_point_at_distinct_contents(data):
    made = encode(*data, params())
    assert made.image.shape == (2, 3, 32, 32)
    assert made.image.dtype == torch.uint8
    red, blue = made.image[made.image_row[0]], made.image[made.image_row[2]]
    assert red[:, 16, 16].tolist() == [255, 0, 0]
    assert blue[:, 16, 16].tolist() == [0, 0, 255]
    assert made.image_row[0] == made.image_row[1]
    assert made.image_row[3] == -1
    assert made.audio_row[0] == made.audio_row[3]
    assert made.audio_row[2] == -1
    assert made.caption_row.tolist() == [1, 1, 0, -1]  # in alphabetical order: blue, red
    low, high = made.audio[made.audio_row[0]], made.audio[made.audio_row[1]]
    assert made.audio.dtype == torch.float16
    assert low.shape == (81, 80)  # 0.8 s in frames of 10 ms, and one
    assert not low[41:].any(), "the shorter clip ends in zeros"
    assert high[80].any()


def test_the_vocabulary_comes_from_the_training_rows(data):
    made = encode(*data, params())
    assert "ω" not in made.characters, "only a test row holds it"
    assert "р" in made.characters
    assert "q" in made.characters, "captions are read by letter here, so their letters count"
    assert made.text_ids.shape == (4, 12)
    assert not made.text_ids[2].any()
    assert made.text_ids[3, 0] == 1, "unknown letter"


def test_packaged_encoders_give_the_published_sizes_and_the_same_bytes_each_time(data, monkeypatch):
    manifest, ws = data
    first = encode(manifest, ws, params(**PACKAGED))
    assert first.image.shape == (2, 2584)
    assert first.caption.shape == (2, 768)
    assert first.audio.shape == (2, 4, 384)
    assert first.audio.dtype == torch.float16
    for file in ws.features.iterdir():
        file.unlink()
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 1)
    second = encode(manifest.iloc[::-1], ws, params(**PACKAGED))
    for name in ("image", "caption", "audio"):
        assert tensor_digest(getattr(first, name)) == tensor_digest(getattr(second, name)), (
            f"{name}: neither the number of cores nor the order of rows may change a byte"
        )
    assert second.image_row.tolist() == first.image_row.flip(0).tolist()


def test_only_what_depends_on_a_setting_is_computed_again(data):
    manifest, ws = data
    encode(manifest, ws, params())
    before = set(ws.features.iterdir())
    assert len(before) == 2, "pictures and sounds; characters cost nothing"
    encode(manifest, ws, params(text_characters=20, audio_segments=8))
    assert set(ws.features.iterdir()) == before
    encode(manifest, ws, params(front_end="mfcc"))
    assert len(set(ws.features.iterdir()) - before) == 1


def test_cached_features_need_no_media(data):
    manifest, ws = data
    first = encode(manifest, ws, params())
    for path in ws.media.iterdir():
        path.unlink()
    assert torch.equal(encode(manifest, ws, params()).audio, first.audio)
    with pytest.raises(InputError, match=r"\.png: No such file or directory; `cairn run` makes it"):
        encode(manifest, ws, params(image_pixels=64))


def test_media_changed_after_ingest_are_refused(data):
    manifest, ws = data
    (ws.media / "low.wav").write_bytes(tone(0.4, 201))
    with pytest.raises(
        CheckFailed, match=r"low\.wav: expected blake3 .{8}\.\.\. as in the manifest"
    ):
        encode(manifest, ws, params())


@pytest.mark.parametrize(("kind", "name"), [("audio", "low.wav"), ("image", "red.png")])
def test_what_cannot_be_decoded_is_named(data, kind, name):
    manifest, ws = data
    (ws.media / name).write_bytes(b"text in disguise")
    column = f"{kind}_blake3"
    manifest.loc[manifest[kind] == name, column] = blake3(b"text in disguise").hexdigest()
    with pytest.raises(InputError, match=rf"{name}: cannot be decoded"):
        encode(manifest, ws, params())


@pytest.mark.parametrize("choice", [{}, PACKAGED])
def test_a_data_set_without_media_is_fine(data, choice):
    manifest, ws = data
    bare = manifest.assign(image=None, image_blake3=None, audio=None, audio_blake3=None)
    made = encode(bare.assign(caption=None), ws, params(**choice))
    assert len(made.image) == len(made.audio) == len(made.caption) == 0
    assert made.image_row.tolist() == made.audio_row.tolist() == [-1] * 4


def test_weights_are_part_of_the_cache_key(data, monkeypatch):
    manifest, ws = data
    encode(manifest, ws, params(text="minilm"))
    before = len(list(ws.features.iterdir()))
    monkeypatch.setattr(module, "weights_digest", lambda _: "other weights")
    encode(manifest, ws, params(text="minilm"))
    assert len(list(ws.features.iterdir())) == before + 1
