"""Threads and processes that use one log at the same time."""

import subprocess
import sys
import threading
from typing import Any

import pytest
from blake3 import blake3

from provenance import (
    LogBusyError,
)
from provenance.durable import locked

from .conftest import Bench

DIGEST = blake3(b"content").hexdigest()


def run(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "run", "id": name, **more}


def test_reading_goes_on_while_others_append(bench: Bench) -> None:
    reader, writer = bench.open(), bench.open()
    for i in range(5):
        writer.append(run(f"r{i}"))
        found = reader.find(f"r{i}")
        assert found is not None
        assert found.seq == i


def test_fault_45_threads_with_one_log(bench: Bench) -> None:
    log = bench.open()

    def work(name: str) -> None:
        for i in range(10):
            entry = log.append(run(f"{name}{i}"))
            assert log.find(f"{name}{i}") == entry

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.seq for entry in log.entries()] == list(range(30))
    assert bench.verify().ok


WORKER = """
import sys; from pathlib import Path; from provenance import Log
log = Log.open(Path(sys.argv[1]))
for i in range(25):
    log.append({"kind": "run", "id": f"{sys.argv[2]}-{i}"})
"""


def test_fault_45_four_processes_with_25_entries_each(bench: Bench) -> None:
    """They also race to make the log and its key."""
    children = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(bench.folder), str(k)])
        for k in range(4)
    ]
    assert [child.wait() for child in children] == [0, 0, 0, 0]
    ids = [entry.body["id"] for entry in bench.open().entries()]
    assert sorted(ids) == sorted(f"{k}-{i}" for k in range(4) for i in range(25))
    assert bench.verify().ok
    assert not list(bench.folder.glob("orphan-*"))


def test_a_stuck_lock_is_an_error_and_not_a_wait_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = bench.open()
    with (
        locked(bench.folder / "lock"),
        pytest.raises(
            LogBusyError, match=r"lock has been locked for 0 s: find the process"
        ) as caught,
        locked(bench.folder / "lock", patience_s=0.0),
    ):
        pass
    assert caught.value.exit_code == 3
    log.append(run("a"))
