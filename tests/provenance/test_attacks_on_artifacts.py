"""Attacks on the files that entries vouch for, numbered as in the threat list."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance import Artifact, BodyError, Reason, TamperedError, UnhashableError, measure
from provenance.digest import FileDigest
from provenance.errors import ChangedWhileHashingError

from .conftest import Bench

GIB = 1 << 30


@pytest.fixture
def model(bench: Bench) -> Path:
    """A logged folder with three files, its listing kept."""
    for name in ("a.bin", "b.bin", "sub/c.bin"):
        bench.put(f"model/{name}", name)
    bench.open().keep(Artifact.of(bench.root / "model"))
    bench.log_run("train", bench.record("model"))
    assert bench.verify().ok
    return bench.root / "model"


def refused(bench: Bench, reason: Reason, message: str) -> None:
    found = bench.verify().first
    assert found is not None, "the attack was not noticed"
    assert found.reason is reason, found
    assert message in found.message
    assert bench.verify().exit_code == 1


@pytest.mark.slow  # reads 1 GiB three times
def test_attack_25_one_bit_of_a_gibibyte(bench: Bench) -> None:
    path = bench.root / "model.bin"
    with path.open("wb") as file:
        file.truncate(GIB)  # a hole: takes no room on the disk
        file.seek(GIB // 3)
        file.write(b"weights")
    bench.log_run("train", bench.record("model.bin"))
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(2 * GIB // 3)
        file.write(b"\x01")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    refused(bench, Reason.ARTIFACT_CHANGED, "model.bin")


def test_attack_25_one_bit(bench: Bench, model: Path) -> None:
    data = bytearray((model / "b.bin").read_bytes())
    data[-1] ^= 1
    (model / "b.bin").write_bytes(data)
    refused(bench, Reason.ARTIFACT_CHANGED, "b.bin was changed")


@pytest.mark.parametrize(
    ("command", "reason", "message"),
    [
        ("echo x > extra", Reason.ARTIFACT_EXTRA, "extra was added"),
        ("rm a.bin", Reason.ARTIFACT_MISSING, "a.bin is missing"),
        ("mv a.bin sub/", Reason.ARTIFACT_MISSING, "a.bin is missing, and 1 more"),
        ("mv a.bin A.bin", Reason.ARTIFACT_EXTRA, "A.bin was added, and 1 more"),
        ("mv a.bin x; mv b.bin a.bin; mv x b.bin", Reason.ARTIFACT_CHANGED, "a.bin was changed"),
    ],
)
def test_attack_27_extra_missing_moved_renamed(
    bench: Bench, model: Path, command: str, reason: Reason, message: str
) -> None:
    subprocess.run(["sh", "-c", command], cwd=model, check=True)
    refused(bench, reason, message)


def fifo(place: Path) -> None:
    os.mkfifo(place)


def link_to_file(place: Path) -> None:
    place.symlink_to("/etc/passwd")


def link_to_folder(place: Path) -> None:
    place.symlink_to("/etc")


def link_to_nothing(place: Path) -> None:
    place.symlink_to("nowhere")


def link_to_itself(place: Path) -> None:
    place.symlink_to(place)


def a_socket(place: Path) -> None:
    here = Path.cwd()
    os.chdir(place.parent)  # a socket's path may have 107 bytes at most
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(place.name)
    finally:
        os.chdir(here)


KINDS = {
    fifo: "a named pipe",
    link_to_file: "a symbolic link",
    link_to_folder: "a symbolic link",
    link_to_nothing: "a symbolic link",
    link_to_itself: "a symbolic link",
    a_socket: "a socket",
}


@pytest.mark.timeout(30)  # opening a pipe that nobody writes to would hang
@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("name", ["a.bin", "sub/new"])
def test_attack_28_not_a_regular_file(
    bench: Bench, model: Path, make: Callable[[Path], None], name: str
) -> None:
    place = model / name
    place.unlink(missing_ok=True)
    make(place)
    refused(bench, Reason.ARTIFACT_REFUSED, f"{name}: is {KINDS[make]}, only regular files")
    with pytest.raises(UnhashableError, match=KINDS[make]):
        Artifact.of(model)
    with pytest.raises(UnhashableError, match=KINDS[make]):
        Artifact.of(place)


def test_attack_28_a_device() -> None:
    """/dev is a folder with devices: making one in a model's folder takes root."""
    with pytest.raises(UnhashableError, match="is a character device"):
        Artifact.of(Path("/dev/zero"))


def test_attack_28_the_folder_itself_became_a_link(bench: Bench, model: Path) -> None:
    model.rename(bench.root.parent / "elsewhere")
    model.symlink_to(bench.root.parent / "elsewhere")
    refused(bench, Reason.ARTIFACT_REFUSED, "is a symbolic link")


def test_attack_28_a_subfolder_becomes_a_link_after_it_was_listed(
    bench: Bench, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O_NOFOLLOW guards the last part of a path only; the file found must be the one listed."""
    outside = bench.root.parent / "outside"
    shutil.copytree(model / "sub", outside)

    def swap(path: Path | str, *rest: object) -> FileDigest:
        if Path(path).name == "c.bin" and not (model / "sub").is_symlink():
            (model / "sub").rename(bench.root.parent / "away")
            (model / "sub").symlink_to(outside)
        return real(path, *rest)  # type: ignore[arg-type]

    real = measure.digest_file
    monkeypatch.setattr(measure, "digest_file", swap)
    with pytest.raises(ChangedWhileHashingError, match=r"c\.bin: changed, or was replaced"):
        Artifact.of(model)


def test_attack_28_a_hard_link_to_outside(bench: Bench, model: Path) -> None:
    """DVC and backups link files, so it is allowed unless asked; a change by it is found."""
    outside = bench.root.parent / "outside"
    os.link(model / "a.bin", outside)
    assert bench.verify().ok
    with pytest.raises(UnhashableError, match=r"a\.bin: has a further name, a hard link"):
        Artifact.of(model, hard_links=False)
    with pytest.raises(UnhashableError, match=r"a\.bin: has a further name, a hard link"):
        Artifact.of(model / "a.bin", hard_links=False)
    outside.write_text("A.BIN")
    refused(bench, Reason.ARTIFACT_CHANGED, "a.bin was changed")


def test_hard_links_within_a_folder_reach_nothing_outside(tmp_path: Path) -> None:
    (tmp_path / "m" / "sub").mkdir(parents=True)
    (tmp_path / "m" / "one").write_text("x")
    os.link(tmp_path / "m" / "one", tmp_path / "m" / "sub" / "two")
    inside = Artifact.of(tmp_path / "m", hard_links=False)
    assert inside.digest == Artifact.of(tmp_path / "m").digest
    os.link(tmp_path / "m" / "one", tmp_path / "three")
    with pytest.raises(UnhashableError, match="hard link"):
        Artifact.of(tmp_path / "m", hard_links=False)


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/x",
        "a//b",
        ".",
        "./a",
        "a/..",
        "",
        "a\0b",
        "a\\b",
        "..\\x",
        "/".join("a" * 300),
        "a" * 256,
        "a\ud800",
    ],
)
def test_attack_29_paths_that_leave_the_workspace(bench: Bench, path: str) -> None:
    bench.fill(1)
    before = bench.snapshot()
    record = {"path": path, "blake3": "0" * 64, "size": 1}
    with pytest.raises(BodyError, match="nothing was written"):
        bench.log_run("r", record)
    assert bench.snapshot() == before


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("act", [append, touch, lambda path: os.truncate(path, 5)])
def test_attack_30_a_file_changes_while_it_is_read(
    tmp_path: Path, act: Callable[[Path], None]
) -> None:
    path = tmp_path / "m" / "big"
    path.parent.mkdir()
    path.write_bytes(bytes(3 << 20))
    acted: list[int] = []

    def progress(done: int, total: int) -> None:
        if 0 < done < total and not acted:
            acted.append(done)
            act(path)

    with pytest.raises(ChangedWhileHashingError, match="big: changed while hashing"):
        Artifact.of(path, progress=progress)
    acted.clear()
    path.write_bytes(bytes(3 << 20))
    with pytest.raises(ChangedWhileHashingError, match="big: changed while hashing"):
        Artifact.of(path.parent, progress=progress)
    assert acted


@pytest.mark.parametrize("act", ["add", "remove", "edit a file that was read already"])
def test_attack_30_a_folder_changes_while_it_is_read(
    model: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    def work(path: Path | str, *rest: object) -> FileDigest:
        found = real(path, *rest)  # type: ignore[arg-type]
        if Path(path).name == "b.bin":
            if act == "add":
                (model / "new").write_text("x")
            elif act == "remove":
                (model / "sub" / "c.bin").unlink()
            else:
                (model / "a.bin").write_text("A.BIN")
        return found

    real = measure.digest_file
    monkeypatch.setattr(measure, "digest_file", work)
    with pytest.raises(ChangedWhileHashingError, match=r"came, went or changed|disappeared"):
        Artifact.of(model)


def test_attack_31_old_size_and_time_after_an_edit(bench: Bench, model: Path) -> None:
    path = model / "a.bin"
    status = path.stat()
    path.write_text("A.BIN")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    refused(bench, Reason.ARTIFACT_CHANGED, "a.bin was changed")


def test_attack_32_an_empty_model(bench: Bench, model: Path) -> None:
    artifact = Artifact.of(model)
    shutil.rmtree(model)
    (model / "sub").mkdir(parents=True)
    refused(bench, Reason.ARTIFACT_REFUSED, "holds no files, an empty folder proves nothing")
    with pytest.raises(UnhashableError, match="holds no files"):
        Artifact.of(model)
    with pytest.raises(TamperedError, match="holds no files") as caught:
        artifact.verified()
    assert caught.value.reason is Reason.ARTIFACT_REFUSED
