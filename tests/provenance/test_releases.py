"""Which version of a model is champion, as the log has it."""

from pathlib import Path

import pytest

from provenance import Artifact, Log, ProvenanceError
from provenance.releases import WEIGHTS, Release, champion, released_before, releases


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log.open(tmp_path / "workspace" / ".provenance", keys=tmp_path / "keys")


def anchored(log: Log, version: str, digit: str, *, crowned: bool, model: str = "tiny") -> Release:
    file = {"path": f"m/{version}/artifacts/{WEIGHTS}", "blake3": digit * 64, "size": 3}
    made = Release(model, version, crowned, "because", "f" * 64, (file,))
    log.append({**made.body(), "id": f"{model}-{version}-{crowned}"})
    return made


def test_the_last_one_crowned_is_champion(log: Log) -> None:
    assert champion(log, "tiny") is None
    first = anchored(log, "1", "1", crowned=True)
    assert champion(log, "tiny") == first
    anchored(log, "2", "2", crowned=False)
    assert champion(log, "tiny") == first
    third = anchored(log, "3", "3", crowned=True)
    anchored(log, "9", "9", crowned=True, model="other")
    assert champion(log, "tiny") == third
    assert [release.version for release in releases(log, "tiny")] == ["1", "2", "3"]


def test_a_withdrawn_champion_gives_way_to_the_one_before(log: Log) -> None:
    first = anchored(log, "1", "1", crowned=True)
    second = anchored(log, "2", "2", crowned=True)
    record = {"path": second.files[0]["path"], "blake3": "2" * 64}
    log.append({"kind": "revoked", "id": "r", "artifacts": [record]})
    assert champion(log, "tiny") == first


def test_released_before_means_the_same_bytes_and_the_same_clips(log: Log) -> None:
    made = anchored(log, "1", "1", crowned=True)
    same = {WEIGHTS: Artifact(Path(WEIGHTS), "1" * 64, 3)}
    other = {WEIGHTS: Artifact(Path(WEIGHTS), "2" * 64, 3)}
    assert released_before(log, "tiny", same, "f" * 64) == made
    assert released_before(log, "tiny", other, "f" * 64) is None
    assert released_before(log, "tiny", same, "e" * 64) is None


def test_an_unknown_file_is_named(log: Log, tmp_path: Path) -> None:
    made = anchored(log, "1", "1", crowned=True)
    place = made.artifact(tmp_path, WEIGHTS)
    assert place.path == tmp_path / "m/1/artifacts" / WEIGHTS
    with pytest.raises(ProvenanceError, match=r"version 1 of tiny was released without card\.md"):
        made.digest("card.md")
