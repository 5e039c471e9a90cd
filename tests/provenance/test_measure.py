"""Many files: side by side, in the right order, with progress, and an end at the first error."""

import os
import threading
from pathlib import Path

import pytest
from blake3 import blake3

from provenance import Artifact, UnhashableError, measure
from provenance.digest import CHUNK, FileDigest
from provenance.stat_cache import StatCache


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Files of a KiB count as large; gives the threads that read."""
    monkeypatch.setattr(measure, "WORKERS", 3)
    monkeypatch.setattr(measure, "LARGE", 1024)
    monkeypatch.setattr(measure, "SERIAL_BELOW", 4096)
    seen: set[int] = set()
    real = measure.digest_file

    def spy(path: Path | str, *rest: object) -> FileDigest:
        seen.add(threading.get_ident())
        return real(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(measure, "digest_file", spy)
    return seen


def make(folder: Path, count: int, size: int) -> dict[str, bytes]:
    files = {f"{i % 3}/{i:03}": os.urandom(size + i) for i in range(count)}
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return files


@pytest.mark.parametrize(("size", "parallel"), [(2000, True), (100, False)])
def test_each_file_has_its_own_digest(
    tmp_path: Path, threads: set[int], size: int, parallel: bool
) -> None:
    files = make(tmp_path, 40, size)
    files |= {"0/small": b"x", "z": b""}
    for name in ("0/small", "z"):
        (tmp_path / name).write_bytes(files[name])
    found = measure.list_folder(tmp_path)
    expected = [(name, len(data), blake3(data).hexdigest()) for name, data in sorted(files.items())]
    assert list(found) == expected
    assert (threads != {threading.get_ident()}) is parallel


def test_few_bytes_start_no_threads(tmp_path: Path, threads: set[int]) -> None:
    make(tmp_path, 2, 1024)
    measure.list_folder(tmp_path)
    assert threads == {threading.get_ident()}


def test_an_error_in_a_thread_is_the_error(
    tmp_path: Path, threads: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, 40, 2000)
    real, here = measure.digest_file, threading.get_ident()
    failed: list[int] = []

    def unreadable(path: Path | str, *rest: object) -> FileDigest:
        if str(path).endswith("1/004"):
            failed.append(threading.get_ident())
            raise UnhashableError(f"{path}: cannot be read")
        return real(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(measure, "digest_file", unreadable)
    before = threading.active_count()
    with pytest.raises(UnhashableError, match="1/004: cannot be read"):
        measure.list_folder(tmp_path)
    assert failed
    assert failed != [here]
    assert threading.active_count() == before, "no thread is left behind"


@pytest.mark.parametrize("size", [100, 5000])
def test_progress_counts_every_byte_once(tmp_path: Path, threads: set[int], size: int) -> None:
    total = sum(map(len, make(tmp_path / "data", 40, size).values()))
    told: list[tuple[int, int]] = []
    cache = StatCache(tmp_path / "cache")
    Artifact.of(tmp_path / "data", cache, lambda done, all_: told.append((done, all_)))
    assert told == sorted(told)
    assert told[-1] == (total, total)
    assert {all_ for _, all_ in told} == {total}


def test_progress_within_a_file(tmp_path: Path) -> None:
    size = 2 * CHUNK + 5
    (tmp_path / "file").write_bytes(bytes(size))
    told: list[tuple[int, int]] = []
    Artifact.of(tmp_path / "file", progress=lambda *told_: told.append(told_))
    assert told == [(CHUNK, size), (2 * CHUNK, size), (size, size)]


def test_ten_thousand_files(tmp_path: Path) -> None:
    for folder in range(10):
        (tmp_path / str(folder)).mkdir()
        for name in range(1000):
            (tmp_path / str(folder) / str(name)).write_text(f"{folder} {name}")
    found = Artifact.of(tmp_path)
    assert len(found.files) == 10_000
    assert found.files == tuple(sorted(found.files))
    assert found.files[-1] == ("9/999", 5, blake3(b"9 999").hexdigest())
