"""Artifacts and revocation, as `verify` sees them."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from provenance import Artifact, LogMissingError, Reason, Report
from provenance.report import Finding

from .conftest import Bench


def first(report: Report) -> Finding:
    assert report.first is not None, "nothing was found"
    return report.first


@pytest.fixture
def model(bench: Bench) -> dict[str, Any]:
    """A logged folder with three files, its listing kept; gives its record."""
    for name in ("a.bin", "b.bin", "sub/c.bin"):
        bench.put(f"model/{name}", name)
    bench.open().keep(Artifact.of(bench.root / "model"))
    record = bench.record("model")
    bench.log_run("train", record)
    return record


def test_all_good(bench: Bench, model: dict[str, Any]) -> None:
    bench.log_run("more", bench.put("data/x", "hello"))
    report = bench.verify()
    assert report.ok
    assert report.exit_code == 0
    assert (report.artifacts, report.size) == (2, 5 + 5 + 9 + 5)
    assert set(report.checks.values()) == {"ok"}
    assert report.lines()[0].startswith("ok  2 entries and 2 artifacts (24 bytes) are as logged")


def test_one_bit(bench: Bench) -> None:
    record = bench.put("m.bin", "x" * 100_000)
    bench.log_run("a", record)
    path = bench.root / "m.bin"
    status, data = path.stat(), bytearray(path.read_bytes())
    data[50_000] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # size and time as before
    found = first(bench.verify())
    assert (found.reason, found.entry, found.path) == (Reason.ARTIFACT_CHANGED, 0, "m.bin")
    assert f"expected blake3 {record['blake3'][:8]}..., found " in found.message


def test_missing_and_case_renamed(bench: Bench) -> None:
    bench.log_run("a", bench.put("Data.csv"))
    (bench.root / "Data.csv").rename(bench.root / "data.csv")
    found = first(bench.verify())
    assert (found.reason, found.path) == (Reason.ARTIFACT_MISSING, "Data.csv")
    assert "found nothing" in found.message


def test_a_file_where_a_folder_was(bench: Bench) -> None:
    bench.log_run("a", bench.put("data/x"))
    shutil.rmtree(bench.root / "data")
    bench.put("data")
    assert first(bench.verify()).reason is Reason.ARTIFACT_MISSING


@pytest.mark.parametrize(
    ("attack", "reason", "message"),
    [
        ("echo x > b.bin", Reason.ARTIFACT_CHANGED, "b.bin was changed; expected"),
        ("rm b.bin", Reason.ARTIFACT_MISSING, "b.bin is missing; expected"),
        ("echo x > sub/a.txt", Reason.ARTIFACT_EXTRA, "sub/a.txt was added; expected"),
        ("mv b.bin sub/", Reason.ARTIFACT_MISSING, "b.bin is missing, and 1 more"),
        ("mv b.bin B.bin", Reason.ARTIFACT_EXTRA, "B.bin was added, and 1 more"),
        ("rm -r *", Reason.ARTIFACT_REFUSED, "holds no files"),
        ("ln -s /etc/passwd x", Reason.ARTIFACT_REFUSED, "x: is a symbolic link"),
        ("mkfifo sub/x", Reason.ARTIFACT_REFUSED, "sub/x: is a named pipe"),
        ("cd .. && rm -r model && echo x > model", Reason.ARTIFACT_CHANGED, "expected blake3"),
        ("cd .. && rm -r model", Reason.ARTIFACT_MISSING, "found nothing"),
        ("cd .. && mv model m && ln -s m model", Reason.ARTIFACT_REFUSED, "is a symbolic link"),
    ],
)
def test_folders_name_the_file(
    bench: Bench, model: dict[str, Any], attack: str, reason: Reason, message: str
) -> None:
    assert os.system(f"cd '{bench.root}/model' && {attack}") == 0  # noqa: S605  # fixed commands
    found = first(bench.verify())
    assert (found.reason, found.path) == (reason, "model")
    assert message in found.message


def test_without_a_listing_the_folder_still_fails(bench: Bench, model: dict[str, Any]) -> None:
    bench.put("model/b.bin", "other")
    [kept] = (bench.folder / "manifests").iterdir()
    kept.write_bytes(kept.read_bytes().splitlines(keepends=True)[0])  # a listing that lies
    found = first(bench.verify())
    assert found.reason is Reason.ARTIFACT_CHANGED
    assert "was changed" not in found.message
    shutil.rmtree(kept.parent)
    assert first(bench.verify()) == found


def test_an_older_version_is_noted(bench: Bench) -> None:
    for i, content in enumerate(["one", "two", "three"]):
        bench.log_run(f"r{i}", bench.put("data", content))
    assert bench.verify().notes == ()
    bench.put("data", "two")
    report = bench.verify()
    assert report.ok
    assert report.notes == ("data: older version, entry 1",)
    bench.put("data", "four")
    assert first(bench.verify()).entry == 2


def test_bytes_that_need_not_be_kept(bench: Bench) -> None:
    record = bench.put("download.deb") | {"kept": False}
    bench.log_run("fetch", record)
    (bench.root / "download.deb").unlink()
    report = bench.verify()
    assert report.ok
    assert report.artifacts == 0


def revoke(bench: Bench, *records: dict[str, Any]) -> None:
    bench.open().append({"kind": "revoked", "id": "w", "artifacts": list(records)})


def test_revoked_artifacts_may_go(bench: Bench) -> None:
    record = bench.put("model.bin")
    bench.log_run("train", record)
    revoke(bench, record)
    report = bench.verify()
    assert report.ok
    assert report.notes == ("model.bin: revoked by entry 1, still here",)
    (bench.root / "model.bin").unlink()
    report = bench.verify()
    assert report.ok
    assert report.notes == ("model.bin: revoked by entry 1, no longer here",)
    bench.put("model.bin", "other")
    assert bench.verify().ok


def test_a_revoked_version_must_not_come_back(bench: Bench) -> None:
    old, new = bench.put("model.bin", "old"), bench.put("model.bin", "new")
    bench.log_run("r0", old)
    bench.log_run("r1", new)
    revoke(bench, old)
    assert bench.verify().ok
    bench.put("model.bin", "old")
    found = first(bench.verify())
    assert found.reason is Reason.ARTIFACT_CHANGED
    assert "is a version that entry 2 revoked" in found.message


def test_failures_vouch_for_nothing(bench: Bench) -> None:
    record = {"path": "never", "blake3": "0" * 64, "size": 1}
    bench.open().append({"kind": "failure", "id": "f", "artifacts": [record]})
    assert bench.verify().ok


def test_fault_48_a_clock_that_goes_back_is_noted(bench: Bench) -> None:
    for i, ts in enumerate(
        ["2026-01-02T00:00:00+00:00", "2026-01-01T00:00:00+00:00", "soon", "2026-01-01T00:00:00"]
    ):
        bench.log_run(f"r{i}", ts=ts)
    report = bench.verify()
    assert report.ok
    assert report.notes == (
        "the clock went back at entry 1 (1 times in all); "
        "the order of entries is that of the chain",
    )


def test_no_log_is_not_a_failed_check(bench: Bench) -> None:
    with pytest.raises(LogMissingError, match="no provenance log in") as caught:
        bench.verify()
    assert caught.value.exit_code == 2


def test_fault_47_a_read_only_log_is_verified_and_stays_as_it_is(
    bench: Bench, model: dict[str, Any]
) -> None:
    before = bench.snapshot()
    for path in (bench.folder, *bench.folder.iterdir()):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        assert bench.verify().ok
        assert bench.snapshot() == before
    finally:
        for path in (bench.folder, *bench.folder.iterdir()):
            path.chmod(path.stat().st_mode | 0o200)


def test_pins_that_cannot_be_written_are_a_note(
    bench: Bench, model: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = tmp_path / "fresh"
    (fresh / "trusted").mkdir(parents=True)
    shutil.copy(bench.keys / "ed25519.pub", fresh / "trusted" / "me.pub")
    (fresh / "pins").mkdir()
    (fresh / "pins" / "lock").symlink_to("/nowhere/at/all")
    monkeypatch.setenv("CAIRN_KEYS", str(fresh))
    report = bench.verify()
    assert report.ok
    assert any(note.startswith("this head was not pinned: ") for note in report.notes)


def test_reports_for_scripts(bench: Bench, model: dict[str, Any]) -> None:
    bench.put("model/b.bin", "other")
    told = bench.verify().to_dict()
    assert told["ok"] is False
    assert told["entries"] == 1
    assert told["artifacts"] == {"checked": 1, "bytes": 19}
    [finding] = told["findings"]
    assert finding["reason"] == "ARTIFACT_CHANGED"
    assert finding["path"] == "model"
    bench.checkpoint.unlink()
    report = bench.verify()
    assert report.to_dict()["log"] is None
    lines = report.lines()
    assert lines[0].startswith("FAILED  CHECKPOINT_MISSING: ")
    assert lines[1:] == ["1 thing wrong", "not checked: pin, chain, lineage, artifacts"]


def test_a_folder_that_became_a_loop_is_a_finding(bench: Bench) -> None:
    """ELOOP, and whatever else the system answers, is no traceback."""
    bench.log_run("r", bench.put("data/x.csv"))
    (bench.root / "data" / "x.csv").unlink()
    (bench.root / "data").rmdir()
    (bench.root / "data").symlink_to("data")
    first = bench.verify().first
    assert first is not None
    assert first.reason is Reason.ARTIFACT_REFUSED
    assert "Too many levels of symbolic links" in first.message
