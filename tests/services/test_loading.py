"""A model whose bytes changed does not load."""

import json
import os
from pathlib import Path

import pytest
import torch

from models.multimodal import build
from provenance import Log, Reason, TamperedError
from provenance.releases import CONFIG, WEIGHTS
from provenance.statements import NAMES
from services.loading import NotReleasedError, load, load_champion, read_verified
from tests.services.conftest import SPEC


def test_the_released_model_loads(released: tuple[Log, Path], digests: dict[str, str]) -> None:
    loaded = load_champion(*released, "tiny")
    assert loaded.digest == digests[WEIGHTS]
    assert not loaded.model.training
    for name, tensor in build(SPEC, seed=7).state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor)


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
def test_one_changed_bit_is_refused(released: tuple[Log, Path], folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(
        TamperedError,
        match=rf"{name} \(entry 1\): expected blake3 \w{{8}}\.\.\., found \w{{8}}",
    ):
        load_champion(*released, "tiny")


def test_a_missing_file_is_refused(released: tuple[Log, Path], folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(TamperedError, match=r"model\.safetensors \(entry 1\): .*found nothing"):
        load_champion(*released, "tiny")
    with pytest.raises(TamperedError, match=r"model\.safetensors: .*found nothing to read"):
        read_verified(folder / WEIGHTS, "0" * 64)


def test_a_file_that_was_slipped_in_is_refused(released: tuple[Log, Path], folder: Path) -> None:
    (folder.parent / "json.py").write_text("evil = True")
    with pytest.raises(TamperedError, match=r"json\.py: was added") as caught:
        load_champion(*released, "tiny")
    assert caught.value.reason is Reason.ARTIFACT_EXTRA


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_model_without_its_statements_is_refused(
    released: tuple[Log, Path], folder: Path, name: str
) -> None:
    (folder.parent / name).unlink()
    with pytest.raises(TamperedError, match=f"authenticity: {name}") as caught:
        load_champion(*released, "tiny")
    assert caught.value.reason is Reason.STATEMENT_MISSING


def test_a_log_that_was_rolled_back_is_refused(released: tuple[Log, Path]) -> None:
    log, root = released
    before = {path: path.read_bytes() for path in log.folder.iterdir() if path.is_file()}
    log.append({"kind": "run", "id": "later"})
    for path, data in before.items():
        path.write_bytes(data)
    with pytest.raises(TamperedError, match="was rolled back"):
        load_champion(log, root, "tiny")


def test_a_link_to_the_right_bytes_is_refused(
    folder: Path, digests: dict[str, str], tmp_path: Path
) -> None:
    (folder / WEIGHTS).rename(tmp_path / "elsewhere")
    (folder / WEIGHTS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TamperedError, match="found nothing to read"):
        load(folder, digests)


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TamperedError, match="not a regular file"):
        read_verified(tmp_path / "pipe", "0" * 64)


def test_without_a_champion_it_says_what_to_run(tmp_path: Path) -> None:
    log = Log.open(tmp_path / "workspace" / ".provenance", keys=tmp_path / "keys")
    with pytest.raises(NotReleasedError, match=r"no champion of 'tiny'.*cairn run"):
        load_champion(log, tmp_path / "workspace", "tiny")


def test_a_withdrawn_model_is_not_served(
    released: tuple[Log, Path], digests: dict[str, str]
) -> None:
    log, root = released
    record = {"path": f"models/artifacts/{WEIGHTS}", "blake3": digests[WEIGHTS]}
    log.append({"kind": "revoked", "id": "revoked-1", "artifacts": [record]})
    with pytest.raises(NotReleasedError):
        load_champion(log, root, "tiny")


def test_the_config_is_what_the_train_stage_wrote(folder: Path, digests: dict[str, str]) -> None:
    assert load(folder, digests).config == json.loads((folder / CONFIG).read_text())
