import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.errors import InputError, UnreachableError
from tasks.ingest import apt, deb
from tasks.ingest.stamps import Stamps
from tasks.params.ingest import IngestParams

Settings = Callable[..., IngestParams]
MakeDeb = Callable[..., bytes]


def test_a_kept_download_needs_no_network(
    package: Path, pinned: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    source = Stamps(pinned(package), deb=None, downloads=package.parent)
    assert source.fetch() == package


def test_without_apt_it_says_what_else_to_do(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source = Stamps(settings(), deb=None, downloads=tmp_path / "raw")
    with pytest.raises(
        InputError,
        match=r"apt-get is not on this machine.*`ingest\.stamps\.deb`.*another `ingest\.source`",
    ):
        source.fetch()
    assert list((tmp_path / "raw").iterdir()) == [], "nothing half-made is left"


needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt-get")


@pytest.fixture
def archive(tmp_path: Path, package: Path) -> tuple[str, ...]:
    """A signed-by-nobody archive of one package in a folder, and no other source."""
    repository = tmp_path / "archive"
    repository.mkdir()
    shutil.copy(package, repository)
    (repository / "Packages").write_text(
        "Package: tuxpaint-stamps-default\nVersion: 1.0-1\nArchitecture: all\nDescription: d\n"
        f"Filename: ./{package.name}\nSize: {package.stat().st_size}\n"
        f"SHA256: {deb.sha256(package)}\n"
    )
    sources = tmp_path / "sources.list"
    sources.write_text(f"deb [trusted=yes] copy:{repository} ./\n")
    return f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=/dev/null"


@needs_apt
def test_apt_downloads_into_a_private_folder(
    tmp_path: Path, package: Path, archive: tuple[str, ...], pinned: Settings
) -> None:
    raw = tmp_path / "raw"
    source = Stamps(pinned(package), deb=None, downloads=raw, apt_options=archive)
    file = source.fetch()
    assert file == raw / package.name
    assert file.read_bytes() == package.read_bytes()
    assert list(raw.iterdir()) == [raw / package.name], "apt's lists and cache are gone"


@needs_apt
def test_a_damaged_download_is_fetched_again(
    tmp_path: Path,
    package: Path,
    archive: tuple[str, ...],
    pinned: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / package.name).write_bytes(b"half")
    source = Stamps(pinned(package), deb=None, downloads=raw, apt_options=archive)
    assert source.fetch() == raw / package.name
    assert (raw / package.name).read_bytes() == package.read_bytes()
    assert "is not the pinned file: downloading it again" in capsys.readouterr().err


@needs_apt
def test_a_download_with_the_wrong_digest_is_not_kept(
    tmp_path: Path, archive: tuple[str, ...], settings: Settings
) -> None:
    raw = tmp_path / "raw"
    params = settings(stamps={"version": "1.0-1", "sha256": "0" * 64})
    with pytest.raises(InputError, match="pins 0000"):
        Stamps(params, deb=None, downloads=raw, apt_options=archive).fetch()
    assert list(raw.iterdir()) == []


@needs_apt
def test_a_version_that_is_not_there(
    tmp_path: Path, archive: tuple[str, ...], settings: Settings
) -> None:
    with pytest.raises(
        UnreachableError,
        match=r"could not download .*=2022.*Version '2022.*' .*not found.*`ingest\.stamps\.deb`",
    ):
        Stamps(settings(), deb=None, downloads=tmp_path / "raw", apt_options=archive).fetch()


@needs_apt
def test_no_network(tmp_path: Path) -> None:
    sources = tmp_path / "sources.list"
    # Port 9 of this machine: nobody listens, as with a cable pulled.
    sources.write_text("deb [trusted=yes] http://127.0.0.1:9/debian ./\n")
    (into := tmp_path / "into").mkdir()
    options = (
        f"Dir::Etc::SourceList={sources}",
        "Dir::Etc::SourceParts=/dev/null",
        "Acquire::Retries=0",
    )
    with pytest.raises(
        UnreachableError,
        match=r"apt could not download things \(.*Unable to locate package things.*\)",
    ):
        apt.download("things", None, into, options)


def test_apt_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "apt-get"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(apt, "LONGEST_SECONDS", 0.2)
    (into := tmp_path / "into").mkdir()
    with pytest.raises(UnreachableError, match=r"gave up after 0\.2 s"):
        apt.download("things", None, into)
