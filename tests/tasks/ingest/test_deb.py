import gzip
import lzma
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.errors import InputError
from tasks.ingest import deb

MakeDeb = Callable[..., bytes]
FOLDER = "usr/share/things"


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("pack", "suffix"),
    [(lzma.compress, ".xz"), (gzip.compress, ".gz"), (zstd, ".zst"), (bytes, "")],
    ids=["xz", "gz", "zstd", "plain"],
)
def test_unpacks_one_folder(
    tmp_path: Path, make_deb: MakeDeb, pack: Callable[[bytes], bytes], suffix: str
) -> None:
    inside = {
        "./usr/share/things/a/b.txt": b"hello",
        "./usr/share/doc/c": b"other",
        "./usr/link": "/etc",
    }
    file = tmp_path / "x.deb"
    file.write_bytes(make_deb(inside, pack=pack, suffix=suffix))
    into = tmp_path / "into"
    into.mkdir()
    deb.unpack(file, FOLDER, into)
    assert [p.relative_to(into).as_posix() for p in into.rglob("*") if p.is_file()] == ["a/b.txt"]
    assert (into / "a/b.txt").read_bytes() == b"hello"
    assert deb.control(file)["Version"] == "1.0-1"


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is the reference here")
def test_reads_what_dpkg_builds(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: things\nVersion: 3-2\nArchitecture: all\n"
        "Maintainer: me <me@x.y>\nDescription: d\n"
    )
    (tree / FOLDER).mkdir(parents=True)
    (tree / FOLDER / "odd.txt").write_bytes(b"123")
    file = tmp_path / "x.deb"
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", tree, file], check=True, capture_output=True
    )
    (into := tmp_path / "into").mkdir()
    deb.unpack(file, FOLDER, into)
    assert (into / "odd.txt").read_bytes() == b"123"
    assert deb.control(file)["Package"] == "things"


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ({"./usr/share/things/../../../../evil": b"x"}, "leads outside of it"),
        ({"/usr/share/things/evil": b"x"}, "leads outside of it"),
        ({"./usr/share/things/evil": "/etc/passwd"}, "is a link or device"),
        ({"./usr/share/things/evil": "neighbour"}, "is a link or device"),
    ],
    ids=["dots", "absolute", "link out", "link in"],
)
def test_refuses_ways_out(
    tmp_path: Path, make_deb: MakeDeb, inside: dict[str, bytes | str], message: str
) -> None:
    file = tmp_path / "x.deb"
    file.write_bytes(make_deb(inside))
    (into := tmp_path / "into").mkdir()
    with pytest.raises(InputError, match=message):
        deb.unpack(file, FOLDER, into)
    assert list(into.iterdir()) == []


def test_refuses_a_bomb(tmp_path: Path, make_deb: MakeDeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deb, "MOST_BYTES", 10)
    file = tmp_path / "x.deb"
    file.write_bytes(make_deb({"./usr/share/things/a": b"12345678901"}))
    with pytest.raises(InputError, match="holds more than 10 bytes"):
        deb.unpack(file, FOLDER, tmp_path)


@pytest.mark.parametrize("kept", [0.1, 0.3, 0.5, 0.9, 0.999])
def test_truncated_anywhere_is_one_clear_error(
    tmp_path: Path, make_deb: MakeDeb, kept: float
) -> None:
    whole = make_deb({"./usr/share/things/a": os.urandom(5000)})
    file = tmp_path / "x.deb"
    file.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(InputError, match=r"x\.deb is truncated or damaged \(.+\): fetch it again"):
        deb.unpack(file, FOLDER, tmp_path)


@pytest.mark.parametrize(
    ("pack", "suffix"), [(lzma.compress, ".xz"), (gzip.compress, ".gz"), (zstd, ".zst")]
)
def test_damage_inside_is_one_clear_error(
    tmp_path: Path, make_deb: MakeDeb, pack: Callable[[bytes], bytes], suffix: str
) -> None:
    noise = os.urandom(5000)
    file = tmp_path / "x.deb"
    damaged = lambda data: pack(data)[:-2500]  # noqa: E731  # the archive is whole, what is in it is not
    file.write_bytes(make_deb({"./usr/share/things/a": noise}, pack=damaged, suffix=suffix))
    with pytest.raises(InputError, match=r"truncated or damaged \(data\.tar"):
        deb.unpack(file, FOLDER, tmp_path)


def test_names_other_files_for_what_they_are(tmp_path: Path, make_deb: MakeDeb) -> None:
    file = tmp_path / "x.deb"
    with pytest.raises(InputError, match=r"x\.deb does not exist: check `ingest\.stamps\.deb`"):
        deb.members(file)
    file.write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="is not a Debian package"):
        deb.members(file)
    file.write_bytes(make_deb({}, suffix=".rar"))
    with pytest.raises(InputError, match=r"compressed in an unknown way \(rar\)"):
        deb.unpack(file, FOLDER, tmp_path)
    file.write_bytes(make_deb({}).replace(b"control.tar.xz ", b"nothing.tar.xz "))
    with pytest.raises(InputError, match=r"it has no control\.tar"):
        deb.control(file)
    file.write_bytes(b"!<arch>\n" + b"x" * 60)
    with pytest.raises(InputError, match="a header of its archive is broken"):
        deb.members(file)
    file.write_bytes(b"!<arch>\n")
    with pytest.raises(InputError, match=r"it has no data\.tar"):
        deb.members(file)


def test_full_disk_is_not_called_damage(tmp_path: Path, make_deb: MakeDeb) -> None:
    file = tmp_path / "x.deb"
    file.write_bytes(make_deb({"./usr/share/things/a/b": b"x"}))
    (tmp_path / "a").write_bytes(b"a file where a folder has to be")
    with pytest.raises(FileExistsError):
        deb.unpack(file, FOLDER, tmp_path)


def test_sha256_of_the_standard(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert deb.sha256(file) == expected, "sha256 of 'abc'"
