"""Sources small enough to read, written by hand: a Debian package and a folder with a manifest."""

import io
import json
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

from tasks.ingest import deb
from tasks.ingest.source import Row
from tasks.params.ingest import IngestParams

PARAMS = Path(__file__).resolve().parents[3] / "params.yaml"
RATE = 8000


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: merged(old[key], new[key])
        for key in old.keys() & new.keys()
        if isinstance(new[key], dict)
    }
    return old | new | both


@pytest.fixture(scope="session")
def settings() -> Callable[..., IngestParams]:
    """Section `ingest` of the project's params.yaml, with changes."""
    section = yaml.safe_load(PARAMS.read_text())["ingest"]

    def make(**changes: Any) -> IngestParams:
        return IngestParams.model_validate(merged(section, changes))

    return make


@pytest.fixture(scope="session")
def sound() -> Callable[..., bytes]:
    """A tone of a second between pauses; `hertz` tells sounds apart."""

    def make(hertz: int = 440, kind: str = "OGG") -> bytes:
        tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(RATE // 2) / RATE)
        noise = 0.001 * np.random.default_rng(hertz).standard_normal(RATE)
        file = io.BytesIO()
        soundfile.write(file, noise + np.pad(tone, RATE // 4), RATE, format=kind)
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """A square of colour with a darker half; `level` tells pictures apart."""

    def make(level: int = 200, side: int = 16) -> bytes:
        pixels = np.full((side, side, 3), level, np.uint8)
        pixels[: side // 2] //= 4
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()

    return make


def leave(rows: list[dict[str, Any]]) -> None:
    """No change."""


def tar(files: dict[str, bytes | str], *extra: tarfile.TarInfo) -> bytes:
    """A tar archive; a str is the target of a symbolic link."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        for info in extra:
            archive.addfile(info)
    return file.getvalue()


def member(name: str, content: bytes) -> bytes:
    """A part of an ar archive: name 16, time 12, owner 6, group 6, mode 8, size 10, end 2 bytes."""
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
    return header + content + b"\n" * (len(content) % 2)


@pytest.fixture(scope="session")
def make_deb() -> Callable[..., bytes]:
    """A Debian package of the given files."""

    def make(
        files: dict[str, bytes | str],
        *,
        package: str = "tuxpaint-stamps-default",
        version: str = "1.0-1",
        pack: Callable[[bytes], bytes] = lzma.compress,
        suffix: str = ".xz",
    ) -> bytes:
        control = f"Package: {package}\nVersion: {version}\nDescription: few\n long\n"
        control_tar = lzma.compress(tar({"./control": control.encode()}))
        return b"".join(
            [
                b"!<arch>\n",
                member("debian-binary", b"2.0\n"),
                member("control.tar.xz", control_tar),
                member(f"data.tar{suffix}", pack(tar(files))),
            ]
        )

    return make


@pytest.fixture(scope="session")
def stamps(sound: Callable[..., bytes], picture: Callable[..., bytes]) -> dict[str, bytes]:
    """A folder of stamps: two labels of five stamps each, in French and Greek, and traps."""
    files: dict[str, bytes] = {}
    for number in range(10):
        label = ("animals", "food")[number % 2]
        stem = f"{label}/kind/thing{number}"
        text = f"Thing {number}\nfr.utf8=Chose {number}\n"
        files[f"{stem}.txt"] = (
            text + ("" if number == 3 else f"el.utf8=Πράγμα {number}\n")
        ).encode()
        files[f"{stem}.png"] = picture(100 + number)
        files[f"{stem}_desc_fr.ogg"] = sound(300 + number)
        files[f"{stem}_desc_el.ogg"] = sound(400 + number)
    files["food/kind/thing9_desc.ogg"] = sound(500)
    files["animals/kind/mute.txt"] = b"Never heard\n"
    files["animals/kind/mute.png"] = picture(99)
    return {f"./usr/share/tuxpaint/stamps/{name}": content for name, content in files.items()}


@pytest.fixture
def package(tmp_path: Path, make_deb: Callable[..., bytes], stamps: dict[str, bytes]) -> Path:
    file = tmp_path / "tuxpaint-stamps-default_1.0-1_all.deb"
    file.write_bytes(make_deb(stamps))
    return file


@pytest.fixture
def pinned(settings: Callable[..., IngestParams]) -> Callable[..., IngestParams]:
    """Settings that pin a package file."""

    def make(file: Path) -> IngestParams:
        stamps = {"version": "1.0-1", "sha256": deb.sha256(file)}
        return settings(stamps=stamps, labels=["animals", "food"], languages=["el", "fr"])

    return make


@pytest.fixture
def folder(
    tmp_path: Path, sound: Callable[..., bytes], picture: Callable[..., bytes]
) -> Callable[..., Path]:
    """A data folder with a manifest: two labels, five groups each, two rows a group."""

    def make(change: Callable[[list[dict[str, Any]]], None] = leave) -> Path:
        root = tmp_path / "own data"
        root.mkdir()
        rows: list[dict[str, Any]] = []
        for number in range(20):
            name = f"clip{number:02d}"
            (root / f"{name}.png").write_bytes(picture(100 + number))
            (root / f"{name}.wav").write_bytes(sound(300 + number, "WAV"))
            rows.append(
                {
                    "id": name,
                    "label": ("cat", "dog")[number // 10],
                    "group": f"g{number // 2}",
                    "language": "fr",
                    "text": f"Chose {number}",
                    "image": f"{name}.png",
                    "audio": f"{name}.wav",
                }
            )
        change(rows)
        manifest = root / "manifest.jsonl"
        manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return manifest

    return make


@pytest.fixture(scope="session")
def row() -> Callable[..., Row]:
    """A row with text only."""

    def make(name: str, group: str, label: str, split: str | None = None) -> Row:
        return Row(name, name, group, "fr", label, split, None, "Chose", None, None)

    return make


@pytest.fixture
def own(
    settings: Callable[..., IngestParams], folder: Callable[..., Path]
) -> Callable[..., IngestParams]:
    """Settings for a folder source, whose rows a test may change."""

    def make(change: Callable[[list[dict[str, Any]]], None] = leave, **more: Any) -> IngestParams:
        return settings(
            source="folder",
            folder={"manifest": str(folder(change))},
            labels=["cat", "dog"],
            extra_labels=["bird"],
            languages=["fr"],
            min_groups_per_label=3,
            **more,
        )

    return make
