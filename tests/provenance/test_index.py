"""Questions against the arrows of the log, and a cache that may be lost, stale or hostile."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance import Log, ids
from provenance.database import TABLES
from provenance.index import Index
from provenance.layout import Layout

from .conftest import Bench, needs_no_root


def fill(bench: Bench) -> Log:
    """Data -> two runs -> a release of the first one's model; the second never saw the data."""
    log = bench.open()
    data, other = bench.put("data/a", "data"), bench.put("data/b", "other")
    model = bench.put("models/model.safetensors", "weights")
    copy = bench.put("mlruns/1/artifacts/model.safetensors", "weights")
    log.append({"kind": "dataset", "id": "d", "artifacts": [data, other]})
    run = {"git": "c0ffee", "mlflow": "run1", "dirty": False}
    log.append({"kind": "run", "id": "run1", "run": run, "inputs": [data], "artifacts": [model]})
    report = bench.put("models/report", "report")
    run = {"git": "c0ffee", "mlflow": "run2", "dirty": True}
    log.append({"kind": "run", "id": "run2", "run": run, "inputs": [other], "artifacts": [report]})
    release = {"model": "m", "version": "1", "champion": True, "reason": "-", "test_split": "-"}
    log.append({"kind": "release", "id": "r", "release": release, "artifacts": [copy]})
    log.append({"kind": "failure", "id": "failure-run1", "run": {"mlflow": "run1"}})
    log.append({"kind": "run", "id": "again", "artifacts": [bench.put("models/report", "new")]})
    return log


def index_of(log: Log) -> Index:
    index = Index.open(Layout(log.folder))
    index.refresh(log.history())
    return index


def numbers(index: Index, record: dict[str, str]) -> list[int]:
    return [entry.seq for entry in index.users_of(record["blake3"])]


def test_who_used_what(bench: Bench) -> None:
    log = fill(bench)
    index = index_of(log)
    assert numbers(index, bench.record("data/a")) == [1, 3]  # the run, and the release of its model
    assert numbers(index, bench.record("data/b")) == [2]
    assert numbers(index, {"blake3": "0" * 64}) == []
    assert [entry.seq for entry in index.made_by_commit("c0ffee")] == [1, 2]
    assert index.made_by_commit("absent") == []
    assert [entry.seq for entry in index.entries_of_run("run1")] == [1, 4]
    assert [(entry.seq, digest) for entry, digest in index.artifacts_at("models/report")] == [
        (2, log.find("run2").body["artifacts"][0]["blake3"]),  # type: ignore[union-attr]
        (5, bench.record("models/report")["blake3"]),
    ]


def test_an_index_grows_with_the_log(bench: Bench) -> None:
    log = fill(bench)
    index_of(log).close()
    data = bench.record("data/a")
    log.append({"kind": "run", "id": "more", "inputs": [data]})
    index = index_of(bench.open())
    assert numbers(index, data) == [1, 3, 6]
    log.append({"kind": "run", "id": "most", "inputs": [data]})
    index.refresh(log.history())
    assert numbers(index, data) == [1, 3, 6, 7]
    with pytest.raises(RuntimeError, match="an index is asked after `refresh`"):
        Index.in_memory().users_of("0" * 64)


def edited(sql: str) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        with sqlite3.connect(path) as connection:
            connection.executescript(sql)
        connection.close()

    return edit


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def in_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "lost": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "no database": lambda path: path.write_bytes(b"x" * 5000),
    "torn": half,
    "a pipe": in_a_pipe,
    "other tables": edited("DROP TABLE runs"),
    "a view": edited("DROP TABLE ids; CREATE VIEW ids AS SELECT 'x' AS id"),
    "a trigger": edited(
        "CREATE TRIGGER t AFTER INSERT ON ids BEGIN DELETE FROM ids WHERE id = new.id; END"
    ),
    "another leaf": edited("UPDATE filled SET leaf = zeroblob(32)"),
    "odd types": edited("UPDATE filled SET size = 'x', leaf = 7"),
    "beyond the end": edited("UPDATE filled SET size = 99"),
    "negative": edited("UPDATE filled SET end = -1"),
    "a huge offset": edited("UPDATE filled SET size = 3, end = 4611686018427387904"),
    "not filled": edited("DELETE FROM filled"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_index_is_made_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], object]
) -> None:
    monkeypatch.setattr(ids, "STRIDE", 1)
    log = fill(bench)
    index_of(log).close()
    damage(bench.folder / "index.sqlite")
    assert bench.open().append({"kind": "run", "id": "run2", **same(log, "run2")}).seq == 2
    assert bench.open().append({"kind": "run", "id": "new"}).seq == 6
    assert log.append({"kind": "run", "id": "new"}).seq == 6
    assert numbers(index_of(bench.open()), bench.record("data/a")) == [1, 3]
    assert bench.verify().ok


def same(log: Log, name: str) -> dict[str, object]:
    entry = log.find(name)
    assert entry is not None
    return {"artifacts": entry.body["artifacts"]}


def test_a_hostile_index_invents_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It claims ids and uses that are not there, where its mark is right."""
    monkeypatch.setattr(ids, "STRIDE", 1)
    log = fill(bench)
    log.append({"kind": "run", "id": "last"})
    data, free = bench.record("data/a")["blake3"], "1" * 64
    index_of(log).close()
    with sqlite3.connect(bench.folder / "index.sqlite") as connection:
        connection.execute("INSERT INTO ids VALUES ('free')")
        rows = [(free, 1), (free, 99), (data, 5), (data, "x"), (data, -1)]
        connection.executemany("INSERT INTO inputs VALUES (?, ?)", rows)
        connection.execute("INSERT INTO commits VALUES ('dead', 1)")
        connection.execute("INSERT INTO runs VALUES ('dead', 1)")
        connection.execute("INSERT INTO artifacts VALUES ('x', 'y', 1)")
    connection.close()
    index = index_of(log)
    assert numbers(index, {"blake3": data}) == [1, 3]
    assert index.users_of(free) == []
    assert index.made_by_commit("dead") == index.entries_of_run("dead") == []
    assert index.artifacts_at("x") == []
    for opened in (log, bench.open()):
        assert opened.append({"kind": "run", "id": "free"}).seq == 7


def test_a_hostile_index_that_hides_an_id(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry is logged twice, in plain sight: nothing is lost, and the first entry counts."""
    monkeypatch.setattr(ids, "STRIDE", 1)
    log = fill(bench)
    log.append({"kind": "run", "id": "last"})
    path = bench.folder / "index.sqlite"
    edited("DELETE FROM ids WHERE id = 'again'")(path)
    twice = bench.open().append({"kind": "run", "id": "again", **same(log, "again")})
    assert twice.seq == 7
    found = log.find("again")
    assert found is not None
    assert found.seq == 5
    assert len(list(log.entries())) == 8
    edited("DELETE FROM inputs")(path)
    whole = Index.in_memory()
    whole.refresh(log.history())
    assert numbers(whole, bench.record("data/a")) == [1, 3]


def test_an_index_put_back_from_a_copy_hides_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "STRIDE", 1)
    log = fill(bench)
    path = bench.folder / "index.sqlite"
    old = path.read_bytes()
    log.append_many([{"kind": "run", "id": f"n{i}"} for i in range(3)])
    log.append({"kind": "run", "id": "flushed"})
    path.write_bytes(old)  # in place, while the log holds it open
    assert log.append({"kind": "run", "id": "n1"}).seq == 7
    assert log.head().checkpoint.size == 10


def test_an_index_of_another_log_is_not_used(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "STRIDE", 1)
    log = fill(bench)
    other = Log.open(tmp_path / "other" / ".provenance")
    other.append_many([{"kind": "run", "id": f"o{i}"} for i in range(6)])
    other.append({"kind": "run", "id": "flushed"})
    shutil.copy(other.folder / "index.sqlite", bench.folder / "index.sqlite")
    assert bench.open().append({"kind": "run", "id": "o1"}).seq == 6
    assert bench.open().append({"kind": "run", "id": "run2", **same(log, "run2")}).seq == 2


def test_no_index_can_be_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is in its place: ids stay in memory, questions are answered from memory."""
    monkeypatch.setattr(ids, "STRIDE", 1)
    (bench.folder / "index.sqlite").mkdir(parents=True)
    shutil.rmtree(bench.folder)
    log = bench.open()
    (bench.folder / "index.sqlite").mkdir()
    fill(bench)
    assert numbers(index_of(log), bench.record("data/a")) == [1, 3]
    assert log.append({"kind": "run", "id": "new"}).seq == 6
    assert log.append({"kind": "run", "id": "new"}).seq == 6


@needs_no_root
def test_questions_to_a_read_only_log(bench: Bench) -> None:
    log = fill(bench)
    bench.folder.chmod(0o500)
    try:
        assert numbers(index_of(log), bench.record("data/a")) == [1, 3]
        assert not (bench.folder / "index.sqlite").exists()
    finally:
        bench.folder.chmod(0o700)


def test_an_index_that_someone_else_writes_is_waited_for_and_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "STRIDE", 1)
    monkeypatch.setattr(ids, "PATIENCE_S", 0.0)
    monkeypatch.setattr("provenance.index.PATIENCE_S", 0.0)
    log = fill(bench)
    index_of(log).close()
    path = bench.folder / "index.sqlite"
    inode = path.stat().st_ino
    with sqlite3.connect(path) as busy:
        busy.execute("BEGIN EXCLUSIVE")
        fresh = bench.open()
        assert fresh.append({"kind": "run", "id": "new"}).seq == 6
        assert fresh.append({"kind": "run", "id": "new"}).seq == 6
        assert numbers(index_of(log), bench.record("data/a")) == [1, 3]
        busy.rollback()
    busy.close()
    assert path.stat().st_ino == inode


def test_a_forked_process_opens_its_own_connection(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "STRIDE", 1)
    log = fill(bench)
    log.append({"kind": "run", "id": "before"})
    child = os.fork()
    if child == 0:
        entry = log.append({"kind": "run", "id": "child"})
        os._exit(0 if entry.seq == 7 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert log.append({"kind": "run", "id": "child"}).seq == 7
    assert log.append({"kind": "run", "id": "parent"}).seq == 8


def test_the_file_holds_just_these_tables(bench: Bench) -> None:
    index_of(fill(bench)).close()
    with sqlite3.connect(bench.folder / "index.sqlite") as connection:
        rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql NOT NULL").fetchall()
    connection.close()
    assert tuple(row[0] for row in rows) == TABLES
