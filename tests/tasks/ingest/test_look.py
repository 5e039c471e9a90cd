import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from blake3 import blake3
from PIL import Image

from tasks.errors import CheckFailed
from tasks.ingest import set_aside
from tasks.ingest.examine import Flaw, ImageFacts, SoundFacts, examine_image, examine_sound
from tasks.ingest.look import look
from tasks.ingest.source import Gathered, Row
from tasks.ingest.svg import render

MakeRow = Callable[..., Row]
Make = Callable[..., bytes]

RED = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}">'
    '<rect width="100%" height="100%" fill="#f00"/></svg>'
)


def test_an_image_is_measured(tmp_path: Path, picture: Make) -> None:
    (path := tmp_path / "a.png").write_bytes(picture())
    facts = examine_image(path, 64)
    assert isinstance(facts, ImageFacts)
    assert (facts.width, facts.height, facts.bytes) == (16, 16, path.stat().st_size)
    assert facts.blake3 == blake3(path.read_bytes()).hexdigest()


def test_a_sound_is_measured(tmp_path: Path, sound: Make) -> None:
    (path := tmp_path / "a.ogg").write_bytes(sound())
    facts = examine_sound(path)
    assert isinstance(facts, SoundFacts)
    assert (facts.seconds, facts.rate, facts.bytes) == (1.0, 8000, path.stat().st_size)
    assert facts.blake3 == blake3(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("unit", ["", "px", "pt", "cm", "mm", "in"])
def test_drawings_in_any_unit_are_rendered(tmp_path: Path, unit: str) -> None:
    (path := tmp_path / "a.svg").write_text(RED.format(f"20{unit}", f"40{unit}"))
    facts = examine_image(path, 64)
    assert isinstance(facts, ImageFacts)
    assert facts.height == 64, "the longest side is as asked"
    assert facts.width in (32, 33), "proportions stay, the part of a pixel is rounded up"
    png = tmp_path / "a.png"
    png.write_bytes(render(path.read_bytes(), 64))
    with Image.open(png) as image:
        assert image.getpixel((16, 32)) == (255, 0, 0, 255)
    assert facts.blake3 == blake3(png.read_bytes()).hexdigest(), "the digest is that of the PNG"


def test_a_thin_drawing_does_not_fill_the_memory(tmp_path: Path) -> None:
    (path := tmp_path / "a.svg").write_text(RED.format(1, 100_000_000))
    facts = examine_image(path, 64)
    assert isinstance(facts, Flaw) or max(facts.width, facts.height) <= 64


BAD_IMAGES = {
    "not an image": b"this is text",
    "empty file": b"",
}


@pytest.mark.parametrize(("reason", "content"), BAD_IMAGES.items())
def test_bad_images(tmp_path: Path, reason: str, content: bytes) -> None:
    (path := tmp_path / "a.png").write_bytes(content)
    flaw = examine_image(path, 64)
    assert isinstance(flaw, Flaw)
    assert flaw.reason == reason
    assert "0x" not in flaw.detail, "no addresses: they differ from run to run"


def test_more_bad_images(tmp_path: Path, picture: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    (path := tmp_path / "half.png").write_bytes(picture(side=64)[:100])
    assert examine_image(path, 64).reason == "not an image"  # type: ignore[union-attr]  # asserted by the read
    Image.new("RGBA", (4, 4)).save(path := tmp_path / "clear.png")
    assert examine_image(path, 64) == Flaw("transparent image", "no pixel can be seen")
    (path := tmp_path / "bad.svg").write_bytes(b"<svg")
    assert examine_image(path, 64).reason == "not an image"  # type: ignore[union-attr]  # asserted by the read
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    (path := tmp_path / "bomb.png").write_bytes(picture(side=12))
    flaw = examine_image(path, 64)
    assert isinstance(flaw, Flaw)
    assert "144 pixels" in flaw.detail


def test_bad_sounds(tmp_path: Path) -> None:
    def reason(name: str) -> str:
        flaw = examine_sound(tmp_path / name)
        assert isinstance(flaw, Flaw), name
        return flaw.reason

    (tmp_path / "text.ogg").write_text("this is text")
    assert reason("text.ogg") == "not a sound"
    (tmp_path / "zero.ogg").write_bytes(b"")
    assert reason("zero.ogg") == "empty file"
    samples = np.zeros(100, np.float32)
    soundfile.write(tmp_path / "silent.wav", samples, 8000, subtype="FLOAT")
    assert reason("silent.wav") == "silent sound"
    samples[3] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, 8000, subtype="FLOAT")
    assert reason("nan.wav") == "NaN sound"
    assert examine_sound(tmp_path / "nan.wav").detail == "1 of 100 samples are NaN or infinite"  # type: ignore[union-attr]  # asserted above
    soundfile.write(tmp_path / "none.wav", samples[:0], 8000)
    assert reason("none.wav") == "empty sound"
    assert reason("missing.wav") == "missing file"
    os.mkfifo(tmp_path / "pipe.wav")
    assert reason("pipe.wav") == "not a file"
    (tmp_path / "folder.wav").mkdir()
    assert reason("folder.wav") == "not a file"
    assert reason("x" * 300) == "unreadable file"


@pytest.fixture
def found(tmp_path: Path, row: MakeRow, picture: Make, sound: Make) -> Gathered:
    """Four rows: good, corrupt sound, missing image, nothing at all."""
    (tmp_path / "a.png").write_bytes(picture())
    (tmp_path / "a.ogg").write_bytes(sound())
    (tmp_path / "text.ogg").write_text("this is text")
    rows = [
        replace(row("d", "d", "x"), text=None),
        replace(row("c", "c", "x"), image="no.png", audio="a.ogg"),
        replace(row("b", "b", "x"), image="a.png", audio="text.ogg"),
        replace(row("a", "a", "x"), image="a.png", audio="a.ogg"),
    ]
    return Gathered(tmp_path, rows, {})


def test_every_row_is_good_or_set_aside(found: Gathered) -> None:
    looked = look(found, 64)
    assert [good.id for good in looked.rows] == ["a"]
    assert [(bad.id, bad.file, bad.reason) for bad in looked.aside] == [
        ("b", "text.ogg", "not a sound"),
        ("c", "no.png", "missing file"),
        ("d", None, "empty row"),
    ]


def test_too_many_bad_rows_stop_the_stage(
    found: Gathered, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aside = look(found, 64).aside
    listed = tmp_path / "failed" / "set_aside.jsonl"
    with pytest.raises(CheckFailed) as error:
        set_aside.check_limit(aside, 4, 0.5, listed)
    message = str(error.value)
    assert message.startswith(
        "3 of 4 rows are set aside (1 not a sound, 1 missing file, 1 empty row)"
    )
    assert "the first: b: text.ogg: " in message
    assert f"allows 50.0%, this is 75.0%: mend the files listed in {listed}" in message
    assert [line[:8] for line in listed.read_text().splitlines()] == ['{"detail'] * 3
    capsys.readouterr()
    set_aside.check_limit(aside, 4, 0.75, listed)
    assert "3 of 4 rows are set aside" in capsys.readouterr().err, "never silently"
    assert not listed.exists(), "the list of the run that stopped is gone"
