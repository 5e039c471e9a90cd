import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from provenance.__main__ import main
from provenance.digest import digest_file
from provenance.keys import KeyStore
from provenance.receipt import make_receipt

from .conftest import Bench


@pytest.fixture
def at_work(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench.log_run("first", bench.put("data/x", "hello"), ts="2026-01-01T00:00:00Z", stage="ingest")
    bench.log_run("second")
    monkeypatch.setenv("XDG_CACHE_HOME", str(bench.root.parent / "cache"))
    monkeypatch.chdir(bench.root)
    return bench


def test_verify(at_work: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 0
    assert capsys.readouterr().out.startswith("ok  2 entries and 1 artifacts (5 bytes)")
    assert main(["verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checks"]["artifacts"] == "ok"
    at_work.put("data/x", "other")
    assert main(["verify"]) == 1
    assert "FAILED  ARTIFACT_CHANGED: data/x (entry 0)" in capsys.readouterr().out


def test_verify_from_elsewhere(
    at_work: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(at_work.folder.rename(tmp_path / "moved"))
    assert main(["verify", folder]) == 1  # the artifacts are not beside it
    assert main(["verify", folder, "--root", str(at_work.root)]) == 0
    assert main(["verify", folder, "--keys", str(tmp_path / "none")]) == 1
    assert "UNTRUSTED_KEY" in capsys.readouterr().out


def test_log(at_work: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log"]) == 0
    lines = capsys.readouterr().out.splitlines()
    digest = at_work.record("data/x")["blake3"][:8]
    assert lines == [
        f"     0  2026-01-01T00:00:00Z  run  ingest  first  data/x={digest}",
        "     1  run  second",
    ]
    assert main(["log", "--json"]) == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["body"]["id"] for entry in entries] == ["first", "second"]


def test_show(at_work: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show"]) == 0
    assert "entries  2" in capsys.readouterr().out
    assert main(["show", "--json"]) == 0
    head = json.loads(capsys.readouterr().out)
    assert (head["entries"], head["pinned"]) == (2, 2)
    for wanted in ("second", "1"):
        assert main(["show", "--entry", wanted]) == 0
        assert json.loads(capsys.readouterr().out)["seq"] == 1
    assert main(["show", "--entry", "99"]) == 2
    assert "no entry has the number or id '99'" in capsys.readouterr().err


def test_errors_are_one_line_with_an_exit_code(
    at_work: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = str(tmp_path / "none" / ".provenance")
    assert main(["verify", nothing]) == 2
    assert capsys.readouterr().err.startswith("error: no provenance log in")
    assert main(["log", "--json", nothing]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["reason"]) == (False, "LogMissingError")
    assert main(["verify", "--root", str(tmp_path / "none")]) == 2
    assert "is no folder: name the workspace's" in capsys.readouterr().err
    assert main(["receipt", str(tmp_path / "none"), "--entry", "0"]) == 2
    assert "none cannot be read (No such file or directory)" in capsys.readouterr().err
    at_work.checkpoint.unlink()
    assert main(["log", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["reason"] == "CHECKPOINT_MISSING"
    with pytest.raises(SystemExit) as caught:
        main(["sing"])
    assert caught.value.code == 2


def test_as_a_program(at_work: Bench) -> None:
    command = [sys.executable, "-m", "provenance", "verify", str(at_work.folder)]
    project = Path(__file__).resolve().parents[2]
    shown = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert (shown.returncode, shown.stdout[:13]) == (0, "ok  2 entries")


def test_record(at_work: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    at_work.put("more/a", "one")
    at_work.put("b", "two")
    assert main(["record", "more", "b", "--id", "by-hand"]) == 0
    digests = [at_work.record(path)["blake3"] for path in ("more", "b")]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"entry 2  {digests[0]}  more", f"entry 2  {digests[1]}  b"]
    assert main(["verify"]) == 0
    at_work.put("more/a", "other")
    assert main(["verify"]) == 1
    assert "more (entry 2): a was changed" in capsys.readouterr().out


def test_record_reads_unchanged_files_once_and_verify_reads_them_each_time(
    at_work: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_work.put("more/a", "one")
    soon = time.time_ns() + 60 * 10**9  # else the file is too young for the cache to be sure of it
    monkeypatch.setattr("provenance.measure.time.time_ns", lambda: soon)
    assert main(["record", "more", "--id", "once"]) == 0
    read: list[str] = []
    monkeypatch.setattr(
        "provenance.measure.digest_file",
        lambda path, *rest, **more: (read.append(str(path)), digest_file(path, *rest, **more))[1],
    )
    assert main(["record", "more", "--id", "again"]) == 0
    assert read == []
    assert main(["verify"]) == 0
    assert [path for path in read if path.endswith("more/a")]
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first.split()[2:] == second.split()[2:]


def test_record_refuses_what_is_outside(
    at_work: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "outside").write_text("x")
    assert main(["record", str(tmp_path / "outside")]) == 2
    assert "lies outside the workspace" in capsys.readouterr().err
    assert main(["record", "nothing"]) == 2


def test_receipt_offline(
    at_work: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the entry's line and the public keys alone: no log, no key store."""
    log = at_work.open()
    (tmp_path / "receipt.txt").write_bytes(make_receipt(log, 1))
    (tmp_path / "line").write_bytes(at_work.lines()[1])
    (tmp_path / "keys.pub").write_bytes(KeyStore(at_work.keys).public_bundle()[1])
    receipt, key = str(tmp_path / "receipt.txt"), str(tmp_path / "keys.pub")
    nowhere = ["--keys", str(tmp_path / "none"), "--log", str(tmp_path / "none")]
    asked = ["receipt", receipt, "--entry", str(tmp_path / "line"), *nowhere]
    assert main([*asked, "--key", key]) == 0
    root = log.head().checkpoint.root.hex()
    assert capsys.readouterr().out == f"ok  the entry is in {log.origin}, 2 entries, root {root}\n"
    assert main(asked) == 1  # nobody is trusted
    assert "signed by" in capsys.readouterr().err
    (tmp_path / "line").write_bytes(at_work.lines()[0])
    assert main([*asked, "--key", key, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["reason"] == "BAD_PROOF"


def test_receipt_beside_the_log(
    at_work: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "receipt.txt").write_bytes(make_receipt(at_work.open(), 1))
    for wanted, code in (("1", 0), ("second", 0), ("0", 1), ("third", 2)):
        assert main(["receipt", str(tmp_path / "receipt.txt"), "--entry", wanted]) == code


@pytest.mark.parametrize("wanted", ["x" * 5000, "9" * 5000])
def test_an_entry_that_no_file_system_and_no_number_holds(
    at_work: Bench, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "--entry", wanted]) == 2
    (at_work.root / "r").write_text("")
    log = ["--log", str(at_work.folder)]
    assert main(["receipt", str(at_work.root / "r"), *log, "--entry", wanted]) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line[:6] for line in told] == ["error:"] * 2


def test_a_path_that_no_file_system_takes(
    at_work: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    (at_work.root / "loop").symlink_to("loop")
    for path in ("x" * 300, str(at_work.root / "loop" / "x")):
        assert main(["record", path]) == 2
        assert capsys.readouterr().err.startswith("error: ")
