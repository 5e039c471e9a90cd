import math
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from provenance import (
    Artifact,
    BodyError,
    Log,
    LogError,
    LogMissingError,
    ProvenanceWarning,
    TamperedError,
)

from .conftest import Bench

DIGEST = blake3(b"content").hexdigest()


def run(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "run", "id": name, **more}


def test_entries_are_chained_canonical_lines(bench: Bench) -> None:
    log = bench.open()
    first, second = log.append(run("a", z=1, b="ü")), log.append(run("b"))
    start = blake3(b"\x00" + log.origin.encode()).hexdigest()
    lines = bench.entries.read_bytes().split(b"\n")
    expected = f'{{"body":{{"b":"ü","id":"a","kind":"run","z":1}},"prev":"{start}","seq":0}}'
    assert lines[0] == expected.encode()
    assert first.hash == blake3(b"\x00" + lines[0]).hexdigest()
    assert (
        lines[1] == f'{{"body":{{"id":"b","kind":"run"}},"prev":"{first.hash}","seq":1}}'.encode()
    )
    assert (second.seq, lines[2:]) == (1, [b""])
    assert list(log.entries()) == [first, second]


def test_a_new_log_has_a_signed_head_of_size_0(bench: Bench) -> None:
    log = bench.open()
    assert bench.checkpoint.read_text().split("\n")[:2] == [log.origin, "0"]
    assert log.head().checkpoint.root == blake3(b"").digest()
    assert list(log.entries()) == []
    assert log.find("x") is None
    assert bench.open().origin == log.origin
    assert log.folder == bench.folder


def test_no_log_is_made_unasked(bench: Bench) -> None:
    with pytest.raises(LogMissingError, match=r"no provenance log in .*: run the pipeline first"):
        bench.open(create=False)
    assert not bench.folder.exists()
    assert not bench.keys.exists()


def test_logs_have_different_origins(bench: Bench, tmp_path: Path) -> None:
    assert bench.open().origin != Log.open(tmp_path / "other" / ".provenance").origin


def test_an_interrupted_beginning_is_begun_again(bench: Bench) -> None:
    bench.folder.mkdir()
    (bench.folder / "lock").touch()
    (bench.folder / "checkpoint.tmp").write_text("half")
    bench.open().append(run("a"))
    assert bench.verify().ok


def test_find_by_id(bench: Bench) -> None:
    log = bench.open()
    entries = [log.append(run(f"r{i}", params={"id": f"r{i + 1}"})) for i in range(4)]
    assert [log.find(f"r{i}") for i in range(4)] == entries
    assert log.find("r4") is None
    assert bench.open().find("r2") == entries[2]


def test_newest_by_path_and_digest(bench: Bench) -> None:
    log = bench.open()
    records = [bench.put("data/x", content) for content in ("one", "two")]
    for i, record in enumerate(records):
        log.append(run(f"r{i}", artifacts=[bench.put("data/other", str(i)), record]))
    log.append({"kind": "failure", "id": "f", "artifacts": [records[0]]})
    log.append({"kind": "revoked", "id": "w", "artifacts": [records[0]]})
    found = log.newest("data/x")
    assert found is not None
    assert (found[0].seq, found[1]) == (1, records[1])
    found = log.newest("data/x", records[0]["blake3"])
    assert found is not None
    assert (found[0].seq, found[1]) == (0, records[0])
    assert log.newest("data/x", "0" * 64) is None
    assert log.newest("data/y") is None
    assert log.is_revoked(records[0]["blake3"])
    assert not log.is_revoked(records[1]["blake3"])


def test_appending_twice_is_appending_once(bench: Bench) -> None:
    record = bench.put("x")
    log = bench.open()
    first = log.append(run("a", artifacts=[record], ts="2026-01-01T00:00:00Z"))
    again = bench.open().append(run("a", artifacts=[record], ts="2026-01-02T00:00:00Z"))
    assert again == first
    assert log.head().checkpoint.size == 1


def test_one_id_for_two_things_is_refused(bench: Bench) -> None:
    log = bench.open()
    log.append(run("a"))
    with pytest.raises(BodyError, match="id 'a' is taken by entry 0, of kind 'run' or with other"):
        log.append(run("a", artifacts=[bench.put("x")]))
    with pytest.raises(BodyError, match="id 'a' is taken"):
        log.append({"kind": "release", "id": "a"})
    with pytest.raises(BodyError, match="two entries of one batch have the same id"):
        log.append_many([run("b"), run("b")])
    assert log.head().checkpoint.size == 1


def test_a_batch_is_committed_at_once(bench: Bench) -> None:
    log = bench.open()
    log.append(run("r3"))
    entries = log.append_many([run(f"r{i}") for i in range(8)])
    assert [entry.body["id"] for entry in entries] == [f"r{i}" for i in range(8)]
    assert entries[3].seq == 0  # was there already
    assert [entry.seq for entry in log.entries()] == list(range(8))
    with pytest.raises(BodyError):
        log.append_many([run("new"), run("bad", x=math.nan)])
    assert log.find("new") is None
    assert log.append_many([]) == []
    assert bench.verify().ok


def test_a_revoked_record_needs_no_size(bench: Bench) -> None:
    bench.open().append(
        {"kind": "revoked", "id": "w", "artifacts": [{"path": "x", "blake3": DIGEST}]}
    )
    assert bench.open().is_revoked(DIGEST)


def test_listings_are_kept_by_digest(bench: Bench) -> None:
    bench.put("model/a")
    bench.put("model/b")
    log, artifact = bench.open(), Artifact.of(bench.root / "model")
    log.keep(artifact)
    log.keep(artifact)
    log.keep(Artifact.of(bench.root / "model" / "a"))  # a file: nothing to keep
    kept = list((bench.folder / "manifests").iterdir())
    assert [path.name for path in kept] == [f"{artifact.digest}.jsonl"]
    assert len(kept[0].read_bytes().splitlines()) == 2


def test_a_folder_that_cannot_be_made(bench: Bench) -> None:
    (bench.root / "file").write_text("x")
    with pytest.raises(LogError, match="no log could be begun in"):
        Log.open(bench.root / "file" / ".provenance")


def test_a_lock_that_is_a_link_is_not_followed(bench: Bench) -> None:
    log = bench.open()
    (bench.folder / "lock").unlink()
    (bench.folder / "lock").symlink_to(bench.root / "elsewhere")
    with pytest.raises(LogError, match="lock cannot be opened for writing"):
        log.append(run("a"))
    assert not (bench.root / "elsewhere").exists()


def test_a_log_taken_away_is_noticed_by_who_has_it_open(bench: Bench, tmp_path: Path) -> None:
    log = bench.open()
    log.append(run("a"))
    bench.folder.rename(tmp_path / "away")
    with pytest.raises(TamperedError, match=r"was in .* and is gone"):
        list(log.entries())
    with pytest.warns(
        ProvenanceWarning, match=r"a log with 1 entries was in .* and is gone; a new"
    ):
        bench.open()
    with pytest.raises(TamperedError, match=r"held the log .* now it holds"):
        log.append(run("b"))
    report = bench.verify()
    assert report.ok
    assert "a log with 1 entries was in this folder before this one" in report.notes
