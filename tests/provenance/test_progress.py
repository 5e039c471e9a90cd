import sys
from pathlib import Path

import pytest

from provenance import Artifact, progress
from provenance.progress import artifact_for_recording, shown_progress
from provenance.stat_cache import StatCache


def test_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with shown_progress("hashing data/raw") as tell:
        for second in range(25):
            clock[0] = 100.0 + second
            tell(second << 30, 25 << 30)
    out, err = capsys.readouterr()
    assert out == "", "standard output is for results"
    assert err.splitlines() == [
        "hashing data/raw: 10,240 of 25,600 MiB",
        "hashing data/raw: 20,480 of 25,600 MiB",
    ]


def test_a_bar_in_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "SECONDS_BEFORE", -1)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "file").write_bytes(bytes(3 << 20))
    with shown_progress("hashing [raw]") as tell:
        Artifact.of(tmp_path / "file", progress=tell)
    out, err = capsys.readouterr()
    assert out == ""
    assert "hashing [raw]" in err
    assert "3.1/3.1 MB" in err


def test_recording_remembers_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "file").write_text("x")
    made = artifact_for_recording(tmp_path / "file")
    assert made == Artifact.of(tmp_path / "file")
    assert len(list((tmp_path / "home" / "cairn" / "hashes").iterdir())) == 1
    other = StatCache(tmp_path / "other")
    assert artifact_for_recording(tmp_path / "file", other) == made
    assert len(list(other.folder.iterdir())) == 1
    assert capsys.readouterr() == ("", ""), "short work says nothing"
