import os
import pickle
from pathlib import Path

import pytest
from blake3 import blake3

from provenance import Artifact, Reason, TamperedError, UnhashableError


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    artifact = Artifact.of(path)
    assert artifact == Artifact(path, blake3(b"weights").hexdigest(), 7)
    assert artifact.files == ()
    assert artifact.verified() == path


def test_a_folder_has_size_and_listing(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a").write_text("12")
    (folder / "b").write_text("345")
    artifact = Artifact.of(folder)
    assert artifact.size == 5
    assert [file.path for file in artifact.files] == ["a", "b"]
    assert artifact.verified() == folder
    # The listing is a convenience: artifacts are equal by path, digest and size.
    assert artifact == Artifact(folder, artifact.digest, 5)


def test_changed_bytes_are_refused_even_with_the_old_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    status, artifact = path.stat(), Artifact.of(path)
    path.write_text("behind")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    pattern = rf"file: expected blake3 {artifact.digest[:8]}\.\.\., found [0-9a-f]{{8}}\.\.\."
    with pytest.raises(TamperedError, match=pattern) as caught:
        artifact.verified()
    assert caught.value.reason is Reason.ARTIFACT_CHANGED


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    artifact = Artifact.of(path)
    path.unlink()
    with pytest.raises(
        TamperedError, match=r"expected blake3 [0-9a-f]{8}.*found nothing"
    ) as caught:
        artifact.verified()
    assert caught.value.reason is Reason.ARTIFACT_MISSING


def test_a_link_in_its_place_is_refused_even_with_the_same_bytes(tmp_path: Path) -> None:
    path, copy = tmp_path / "file", tmp_path / "copy"
    path.write_text("x")
    copy.write_text("x")
    artifact = Artifact.of(path)
    path.unlink()
    path.symlink_to(copy)
    with pytest.raises(TamperedError, match="is a symbolic link") as caught:
        artifact.verified()
    assert caught.value.reason is Reason.ARTIFACT_REFUSED


def test_a_file_cannot_stand_in_for_a_folder(tmp_path: Path) -> None:
    """The folder's tree is hashed under its own context: no file has its digest."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a").write_text("x")
    artifact = Artifact.of(folder)
    leaf = artifact.files[0].line()
    (folder / "a").unlink()
    folder.rmdir()
    folder.write_bytes(b"\x00" + leaf)
    with pytest.raises(TamperedError, match="expected blake3"):
        artifact.verified()


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(UnhashableError, match="there is no such file or folder"):
        Artifact.of(tmp_path / "none")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(UnhashableError, match="is a symbolic link"):
        Artifact.of(tmp_path / "link")


def test_artifacts_and_errors_travel_between_processes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    artifact = Artifact.of(tmp_path / "file")
    assert pickle.loads(pickle.dumps(artifact)) == artifact  # noqa: S301  # our own bytes
    error = TamperedError("what", Reason.LINEAGE_GAP, entry=3, path="p")
    back = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert (str(back), back.reason, back.entry, back.path) == ("what", Reason.LINEAGE_GAP, 3, "p")


def test_what_is_read_is_what_was_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is swapped between hashing and reading."""
    path = tmp_path / "report.json"
    path.write_text("good")
    made = Artifact.of(path)
    assert made.read() == b"good"
    honest = Artifact.verified

    def swap(self: Artifact) -> Path:
        found = honest(self)
        path.write_text("evil")
        return found

    monkeypatch.setattr(Artifact, "verified", swap)
    with pytest.raises(TamperedError, match="changed while it was read"):
        made.read()
