"""Crashes and refusing disks: what was acknowledged stays, the log stays valid, appending goes on.

The slow tests inject a fault into each system call of an append, one at a time, with strace.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from provenance import Artifact, Log, LogError, ProvenanceWarning

from .conftest import Bench

WRITER = """
import resource, signal, sys
from pathlib import Path
from provenance import Log, LogError, ids
ids.STRIDE = int(sys.argv[4]) if len(sys.argv) > 4 else ids.STRIDE
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = Log.open(Path(sys.argv[1]))
print("ready", flush=True)
for i in range(int(sys.argv[3])):
    entry = log.append({"kind": "run", "id": f"{sys.argv[2]}-{i}", "pad": "x" * 200})
    print("ack", entry.body["id"], flush=True)
"""


def acknowledged(output: str) -> list[str]:
    return [line.split()[1] for line in output.splitlines() if line.startswith("ack")]


@pytest.mark.filterwarnings("ignore::provenance.ProvenanceWarning")
def still_sound(bench: Bench, ids: list[str], after: str) -> None:
    """The log is valid, holds what was acknowledged, and takes the next entry."""
    report = bench.verify()
    assert report.ok, (after, report.lines())
    held = [entry.body["id"] for entry in bench.open().entries()]
    assert set(ids) <= set(held), after
    bench.open().append({"kind": "run", "id": f"after {after}"})
    assert bench.verify().ok, after


@pytest.mark.filterwarnings("ignore::provenance.ProvenanceWarning")
def test_fault_46_a_full_disk(bench: Bench) -> None:
    """A limit on file size stands in: write gives EFBIG, in the middle of a line."""
    bench.fill(3)
    limit = bench.entries.stat().st_size + 600
    command = [sys.executable, "-c", WRITER, str(bench.folder), "w", "10"]
    child = subprocess.run(
        command,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert child.returncode == 1
    assert "LogError: nothing was acknowledged" in child.stderr
    assert "the log holds its 4 entries, make room" in child.stderr
    assert acknowledged(child.stdout) == ["w-0"]
    assert bench.entries.read_bytes().endswith(b'"seq":3}\n')  # the half line was cut off at once
    still_sound(bench, ["w-0"], "full disk")


def test_entries_are_not_written_through_a_link(bench: Bench) -> None:
    bench.fill(1)
    bench.entries.rename(bench.root / "elsewhere")
    bench.entries.symlink_to(bench.root / "elsewhere")
    before = (bench.root / "elsewhere").read_bytes()
    with pytest.raises(LogError, match=r"entries\.jsonl: Too many levels of symbolic links"):
        bench.open().append({"kind": "run", "id": "a"})
    assert (bench.root / "elsewhere").read_bytes() == before


def test_a_checkpoint_that_cannot_be_replaced(bench: Bench) -> None:
    """The lines are on disk already; nothing counts until the checkpoint is."""
    bench.fill(1)
    (bench.folder / "checkpoint.tmp").mkdir()
    with pytest.raises(LogError, match=r"nothing was acknowledged: .*checkpoint\.tmp: Is a dir"):
        bench.open().append({"kind": "run", "id": "a"})
    assert bench.open().find("a") is None
    (bench.folder / "checkpoint.tmp").rmdir()
    with pytest.warns(ProvenanceWarning, match="after entry 0 that were never committed"):
        assert bench.open().append({"kind": "run", "id": "a"}).seq == 1
    assert bench.verify().ok


def test_a_cache_that_cannot_be_written_is_no_error(bench: Bench) -> None:
    bench.fill(1)
    (bench.folder / "state.json").unlink()
    (bench.folder / "state.json").mkdir()
    log = bench.open()
    assert [log.append({"kind": "run", "id": name}).seq for name in "abc"] == [1, 2, 3]
    assert bench.verify().ok


def test_an_orphan_that_cannot_be_kept_stays_where_it_is(bench: Bench) -> None:
    bench.fill(1)
    with bench.entries.open("ab") as file:
        file.write(b"torn")
    (bench.folder / "orphan.tmp").mkdir()
    with pytest.raises(LogError, match="Is a directory; bytes past its end stay there"):
        bench.open().append({"kind": "run", "id": "a"})
    assert bench.entries.read_bytes().endswith(b"torn")


def test_a_listing_that_cannot_be_kept(bench: Bench) -> None:
    bench.put("model/a")
    log = bench.open()
    (bench.folder / "manifests").write_text("in the way")
    with pytest.raises(LogError, match=r"manifests/.* cannot be written"):
        log.keep(Artifact.of(bench.root / "model"))


def test_a_pin_that_cannot_be_written_is_a_warning(bench: Bench) -> None:
    """The entry is committed and must be acknowledged; the pin may lag behind."""
    bench.fill(1)
    log = bench.open()
    (bench.keys / "pins" / "lock").unlink()
    (bench.keys / "pins" / "lock").symlink_to("/nowhere/at/all")
    with pytest.warns(ProvenanceWarning, match="the head was not pinned: "):
        assert log.append({"kind": "run", "id": "a"}).seq == 1
    assert bench.verify().ok


def test_unreadable_files_are_errors(bench: Bench) -> None:
    bench.fill(1)
    bench.entries.unlink()
    bench.entries.mkdir()
    with pytest.raises(LogError, match=r"entries\.jsonl cannot be read \(Is a directory\)"):
        bench.verify()
    with pytest.raises(LogError, match=r"entries\.jsonl cannot be read"):
        list(bench.open().entries())
    bench.entries.rmdir()
    bench.checkpoint.unlink()
    bench.checkpoint.mkdir()
    with pytest.raises(LogError, match=r"checkpoint cannot be read \(Is a directory\)"):
        bench.verify()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::provenance.ProvenanceWarning")
def test_fault_41_kill_9_while_appending(bench: Bench) -> None:
    bench.open()
    known: list[str] = []
    for turn in range(12):
        command = [sys.executable, "-c", WRITER, str(bench.folder), f"k{turn}", "100000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(0.01 * turn)
            child.send_signal(signal.SIGKILL)
            known += acknowledged(child.stdout.read())
        still_sound(bench, known, f"kill {turn}")
    assert known, "no entry was acknowledged before any kill"


CALLS = (
    "openat,write,fsync,rename,ftruncate,lseek,flock,mkdir,unlink,link,"
    "pwrite64,pread64,fdatasync,fcntl"  # these are the lookup cache's
)
OF_THE_CACHE = ("pwrite64", "pread64", "fdatasync", "fcntl")
FAULTS = ["signal=KILL", "error=EIO", "error=ENOSPC"]


def strace_works() -> bool:
    if shutil.which("strace") is None:
        return False
    return (
        subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode == 0
    )


def prepare(folder: Path, torn: bool) -> Bench:
    root = folder / "workspace"
    root.mkdir(parents=True)
    bench = Bench(root, folder / "keys")
    bench.fill(3)
    if torn:
        with bench.entries.open("ab") as file:
            file.write(b'{"body":')
    return bench


@pytest.mark.slow
@pytest.mark.skipif(not strace_works(), reason="needs strace and leave to trace")
@pytest.mark.filterwarnings("ignore::provenance.ProvenanceWarning")
@pytest.mark.parametrize("torn", [False, True], ids=["clean", "torn"])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_41_a_fault_at_each_system_call(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: str,
    torn: bool,
) -> None:
    """Only calls on the log's own folder are hit, the k-th one in round k, until none is left.

    The lookup cache is written at every append here: it must never fail an append.
    """
    hits = 0
    base, template = tmp_path / "case", tmp_path / "template"
    monkeypatch.setenv("CAIRN_KEYS", str(base / "keys"))
    bench = prepare(base, torn)
    shutil.copytree(base, template)  # keys are slow to make
    for call in CALLS.split(","):
        for k in range(1, 40):
            shutil.rmtree(base)
            shutil.copytree(template, base)
            output, was_hit = run_with_fault(bench, base / "trace", call, fault, k)
            after = f"{fault} at {call} {k}"
            if was_hit and fault != "signal=KILL" and call in OF_THE_CACHE:
                assert acknowledged(output) == ["w-0"], after
            still_sound(bench, acknowledged(output), after)
            if not was_hit:
                break
            hits += 1
    with capsys.disabled():
        print(f"\n{hits} faults injected, none lost: {fault}, {'torn' if torn else 'clean'}")
    assert hits >= 30, "the faults did not reach the log"


def run_with_fault(bench: Bench, trace: Path, call: str, fault: str, k: int) -> tuple[str, bool]:
    names = (
        "entries.jsonl",
        "checkpoint",
        "checkpoint.tmp",
        "state.json",
        "state.json.tmp",
        "lock",
        "index.sqlite",
        "index.sqlite-journal",
    )
    paths = [bench.folder, bench.folder / "orphan.tmp", *(bench.folder / name for name in names)]
    only = [part for path in paths for part in ("-P", str(path))]
    command = ["strace", "-f", "-o", str(trace), *only, "-e", f"trace={call}"]
    command += ["-e", f"inject={call}:{fault}:when={k}"]
    command += [sys.executable, "-c", WRITER, str(bench.folder), "w", "1", "1"]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    told = trace.read_text()
    return done.stdout, "(INJECTED)" in told or "+++ killed by SIGKILL" in told


@pytest.mark.slow
def test_a_hundred_thousand_entries_are_verified(bench: Bench) -> None:
    """No timing is asserted, but it must end well within the test's limit, in little memory."""
    data, record = bench.put("x"), bench.put("y")
    bench.log_run("data", data)
    source = {"entry": 0, "path": "x", "blake3": data["blake3"]}
    log: Log = bench.open()
    for start in range(0, 100_000, 5_000):
        log.append_many(
            [
                {"kind": "run", "id": f"r{i}", "artifacts": [record], "inputs": [source]}
                for i in range(start, start + 5_000)
            ]
        )
    report = bench.verify()
    assert report.ok
    assert report.head is not None
    assert report.head.size == 100_001


@pytest.mark.parametrize("start", [2**62, 2**63, 2**64 - 16])
def test_44_a_state_that_points_beyond_all_files_is_rebuilt(bench: Bench, start: int) -> None:
    bench.fill(2)
    state = {"end": start + 9, "last": "00" * 32, "peaks": [], "size": 1, "start": start}
    (bench.folder / "state.json").write_text(json.dumps(state))
    assert bench.verify().ok
    bench.log_run("next")
    assert bench.verify().ok
