"""The cache spares reading while recording; it is never asked while verifying."""

import os
import threading
import time
from pathlib import Path

import pytest
from blake3 import blake3

from provenance import Artifact, Reason, TamperedError, measure
from provenance import stat_cache as module
from provenance.digest import IDENTITY, FileDigest, Identity
from provenance.stat_cache import Memory, StatCache, default_cache

from .conftest import Bench

HOUR = 3600 * 10**9


@pytest.fixture
def cache(tmp_path: Path) -> StatCache:
    return StatCache(tmp_path / "cache")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read."""
    seen: list[str] = []
    real = measure.digest_file

    def spy(path: Path | str, *rest: object, **more: object) -> FileDigest:
        seen.append(Path(path).name)
        return real(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(measure, "digest_file", spy)
    return seen


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour has passed since the files were written: nothing is racy."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + HOUR)


def make(folder: Path) -> Path:
    for name in ("a", "b", "sub/c"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    return folder


def same(one: Artifact, two: Artifact) -> bool:
    return one == two and one.files == two.files


@pytest.mark.usefixtures("later")
def test_unchanged_files_are_not_read_again(
    tmp_path: Path, cache: StatCache, read: list[str]
) -> None:
    folder = make(tmp_path / "data")
    first = Artifact.of(folder, cache)
    assert sorted(read) == ["a", "b", "c"]
    read.clear()
    assert same(Artifact.of(folder, cache), first)
    assert read == []
    assert same(Artifact.of(folder), first)


@pytest.mark.usefixtures("later")
def test_a_file_by_itself_is_remembered_too(
    tmp_path: Path, cache: StatCache, read: list[str]
) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    first = Artifact.of(path, cache)
    assert Artifact.of(path, cache) == first == Artifact(path, blake3(b"x").hexdigest(), 1)
    assert read == ["file"]


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("change", ["edit", "add", "remove", "rename", "swap", "replace", "same"])
def test_the_folder_digest_is_right_after_any_change(
    tmp_path: Path, cache: StatCache, read: list[str], change: str
) -> None:
    folder = make(tmp_path / "data")
    before = Artifact.of(folder, cache)
    a, b = folder / "a", folder / "b"
    if change == "edit":
        a.write_text("CONTENT OF a")
    elif change == "add":
        (folder / "new").write_text("x")
    elif change == "remove":
        a.unlink()
    elif change == "rename":
        a.rename(folder / "A")
    elif change == "swap":
        a.rename(folder / "x")
        b.rename(a)
        (folder / "x").rename(b)
    elif change == "replace":
        (tmp_path / "other").write_text("content of A")
        (tmp_path / "other").replace(a)
    read.clear()
    after = Artifact.of(folder, cache)
    assert "c" not in read, "unchanged, needs no reading"
    assert same(after, Artifact.of(folder))
    assert (after.digest == before.digest) is (change == "same")


@pytest.mark.usefixtures("later")
def test_attack_31_recording_notices_an_edit_under_the_old_size_and_mtime(
    tmp_path: Path, cache: StatCache
) -> None:
    path = make(tmp_path / "data") / "a"
    status, before = path.stat(), Artifact.of(path.parent, cache)
    path.write_text("CONTENT OF A")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert path.stat().st_size == status.st_size
    after = Artifact.of(path.parent, cache)
    assert after.digest != before.digest
    assert same(after, Artifact.of(path.parent))


def forget_nothing(self: StatCache, path: Path) -> Memory:
    raise AssertionError(f"the cache was asked about {path} by a verification")


def test_attack_31_verification_never_asks_the_cache(
    bench: Bench, cache: StatCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(bench.root / "model")
    artifact = Artifact.of(bench.root / "model", cache)
    record = {"path": "model", "blake3": artifact.digest, "size": artifact.size}
    bench.log_run("r", record)
    monkeypatch.setattr(StatCache, "recall", forget_nothing)
    with pytest.raises(AssertionError, match="was asked"):
        Artifact.of(bench.root / "model", cache)  # the trap works
    assert bench.verify().ok
    assert artifact.verified() == bench.root / "model"


@pytest.mark.usefixtures("later")
def test_a_forged_cache_spoils_a_recording_but_no_verification(
    bench: Bench, cache: StatCache
) -> None:
    path = bench.root / "file"
    path.write_text("x")
    honest = Artifact.of(path, cache)
    status = path.stat()
    identity = IDENTITY.pack(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )
    lie = blake3(b"another").hexdigest()
    cache.remember(path, [""], [identity], [lie], lie, began_ns=time.time_ns())
    forged = Artifact.of(path, cache)
    assert forged.digest == lie
    bench.log_run("r", {"path": "file", "blake3": forged.digest, "size": 1})
    finding = bench.verify().first
    assert finding is not None
    assert finding.reason is Reason.ARTIFACT_CHANGED
    with pytest.raises(TamperedError):
        forged.verified()
    assert honest.verified() == path


def test_racy_files_are_read_again(tmp_path: Path, cache: StatCache, read: list[str]) -> None:
    """Written just before they were recorded: a later edit in the same tick keeps all times."""
    folder = make(tmp_path / "data")
    Artifact.of(folder, cache)
    Artifact.of(folder, cache)
    assert sorted(read) == ["a", "a", "b", "b", "c", "c"]


def stamp(seconds: float) -> Identity:
    return IDENTITY.pack(1, 2, 3, int(seconds * 1e9), int(seconds * 1e9))


@pytest.mark.parametrize(("age", "kept"), [(2.001, True), (2.0, False), (0.0, False), (-9, False)])
def test_the_racy_rule_to_the_nanosecond(
    tmp_path: Path, cache: StatCache, age: float, kept: bool
) -> None:
    """git's racy-git.txt: a time stamp not older than the index's proves nothing."""
    began = 1_700_000_000
    digest = blake3(b"x").hexdigest()
    seen = stamp(began - age)
    cache.remember(tmp_path, [""], [seen], [digest], digest, began_ns=began * 10**9)
    assert (seen in cache.recall(tmp_path).digests) is kept
    assert bool(cache.recall(tmp_path).fingerprint) is kept


@pytest.mark.usefixtures("later")
def test_a_damaged_cache_is_ignored(tmp_path: Path, cache: StatCache) -> None:
    folder = make(tmp_path / "data")
    first = Artifact.of(folder, cache)
    (place,) = cache.folder.iterdir()
    good = place.read_bytes()
    damaged = [b"", b"x", good[:-1], good + b"x", good[:50] + good[51:], bytes(len(good))]
    damaged += [good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :] for at in range(0, 300, 7)]
    short = good[: len(good) - 32 - 10]  # right checksum, torn record
    for data in [*damaged, short + blake3(short).digest(), b"" + blake3(b"").digest()]:
        place.write_bytes(data)
        assert cache.recall(folder) == Memory()
        place.write_bytes(data)
        assert same(Artifact.of(folder, cache), first)


@pytest.mark.usefixtures("later")
def test_a_cache_that_cannot_be_kept_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = StatCache(tmp_path / "file" / "cache")
    folder = make(tmp_path / "data")
    assert same(Artifact.of(folder, cache), Artifact.of(folder))


@pytest.mark.usefixtures("later")
def test_writers_replace_the_cache_as_a_whole(tmp_path: Path, cache: StatCache) -> None:
    folder = make(tmp_path / "data")
    right, wrong = Artifact.of(folder), []

    def work() -> None:
        for _ in range(20):
            if not same(Artifact.of(folder, cache), right):
                wrong.append(1)
            for place in cache.folder.iterdir():
                place.unlink(missing_ok=True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    Artifact.of(folder, cache)
    assert len(list(cache.folder.iterdir())) == 1, "no temporary file is left"


@pytest.mark.usefixtures("later")
def test_memories_of_paths_long_unused_are_dropped(tmp_path: Path, cache: StatCache) -> None:
    Artifact.of(make(tmp_path / "old"), cache)
    (place,) = cache.folder.iterdir()
    long_ago = time.time() - module.UNUSED_S - 1
    os.utime(place, (long_ago, long_ago))
    Artifact.of(make(tmp_path / "new"), cache)
    assert place not in cache.folder.iterdir()
    assert len(list(cache.folder.iterdir())) == 1


def test_the_cache_is_for_its_owner_alone(tmp_path: Path, cache: StatCache) -> None:
    Artifact.of(make(tmp_path / "data"), cache)
    (place,) = cache.folder.iterdir()
    assert place.stat().st_mode & 0o077 == 0
    assert cache.folder.stat().st_mode & 0o077 == 0


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG Base Directory Specification: unset, empty or relative means ~/.cache."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/x")
    assert default_cache() == Path("/var/x/cairn/hashes")
    assert StatCache().folder == default_cache()
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert default_cache() == tmp_path / ".cache/cairn/hashes"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == tmp_path / ".cache/cairn/hashes"
