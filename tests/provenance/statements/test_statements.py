"""The three statements of a release: right, wrong, missing, and those of another release."""

import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance import Reason, TamperedError
from provenance.identity import Identity
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.reading import open_head, read_on
from provenance.releases import Release
from provenance.rotation import rotate
from provenance.statements import (
    BUNDLE,
    NAMES,
    RECEIPT,
    STATEMENT,
    check_parameters,
    check_statements,
    read_statement,
    release_entry,
    version_folder,
)
from provenance.statements.dsse import sign_envelope
from provenance.statements.statement import Statement
from tests.provenance.conftest import Bench
from tests.provenance.statements.released import Released, make_release


@pytest.fixture
def released(bench: Bench) -> Released:
    made = make_release(bench)
    made.write()
    return made


def signed_again(released: Released, change: Callable[[dict[str, Any]], Statement | None]) -> None:
    """The statement with something else in it, signed by the right key."""
    said = read_statement(released.folder)
    predicate = json.loads(json.dumps(said.predicate))
    changed = change(predicate) or Statement(said.subjects, said.predicate_type, predicate)
    data = sign_envelope(changed.encode(), released.store.rsa_key())
    (released.folder / STATEMENT).write_bytes(data)


def test_what_was_written_is_right_and_stays_so(released: Released) -> None:
    assert {path.name for path in released.folder.iterdir() if path.is_file()} == {
        "MLmodel",
        *NAMES,
    }
    assert released.reasons() == []
    (released.folder / "registered_model_meta").write_text("model_name: tiny")  # MLflow's note
    cache = released.folder / "code" / "models" / "__pycache__"
    cache.mkdir()
    (cache / "__init__.cpython-311.pyc").write_bytes(b"")
    released.bench.fill(5)  # the log goes on
    assert released.reasons() == []
    released.write()
    assert released.reasons() == []


def test_the_folder_and_the_entry_of_a_release(released: Released) -> None:
    release = Release.of(released.entry.body)
    assert version_folder(released.bench.root, release) == released.folder
    crowned = replace(release, champion=True, reason="again")
    released.log.append({**crowned.body(), "id": "release-again", "run": {"mlflow": "x"}})
    assert release_entry(released.log, crowned) == released.entry
    remote = replace(release, files=tuple({**it, "kept": False} for it in release.files))
    assert version_folder(released.bench.root, remote) is None


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_missing_statement_is_named_with_what_to_do(released: Released, name: str) -> None:
    (released.folder / name).unlink()
    [found] = check_statements(released.folder, released.entry, released.identities)
    assert found.reason is Reason.STATEMENT_MISSING
    assert name in found.message
    assert "cairn run --force release" in found.message


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_statement_that_is_a_link_is_none(released: Released, name: str) -> None:
    (released.folder / name).rename(released.bench.root / name)
    (released.folder / name).symlink_to(released.bench.root / name)
    assert released.reasons() == ["STATEMENT_MISSING"]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_statement_of_rubbish(released: Released, name: str) -> None:
    (released.folder / name).write_bytes(b"\x00rubbish")
    assert released.reasons() == ["BAD_PROOF" if name == RECEIPT else "BAD_STATEMENT"]


def test_statements_of_a_stranger(released: Released, tmp_path: Path) -> None:
    stranger = KeyStore(tmp_path / "stranger")
    stranger.signers("x")
    stranger.ec_key()
    found = check_statements(released.folder, released.entry, stranger.identities())
    assert [finding.reason for finding in found] == [Reason.UNTRUSTED_KEY] * 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (STATEMENT, "STATEMENT_MISMATCH"),
        (BUNDLE, "STATEMENT_MISMATCH"),
        (RECEIPT, "BAD_PROOF"),
    ],
)
def test_attack_38_a_statement_of_another_model(released: Released, name: str, reason: str) -> None:
    """Signed by the right keys, in the same log: it only speaks of something else."""
    other = make_release(released.bench, "2", "other weights")
    other.write()
    shutil.copy(other.folder / name, released.folder / name)
    assert reason in released.reasons()


def test_attack_38_all_statements_of_another_model_with_the_same_file_names(
    released: Released,
) -> None:
    other = make_release(released.bench, "2", "other weights")
    for path in other.write():
        shutil.copy(path, released.folder)
    assert released.reasons()[:1] == ["STATEMENT_MISMATCH"]
    assert "BAD_PROOF" in released.reasons()


def test_attack_39_another_predicate_under_the_right_key(released: Released) -> None:
    said = read_statement(released.folder)
    signed_again(
        released, lambda _: replace(said, predicate_type="https://slsa.dev/provenance/v0.2")
    )
    assert released.reasons() == ["BAD_STATEMENT"]


def test_attack_39_two_envelopes_in_one_file(released: Released) -> None:
    path = released.folder / STATEMENT
    path.write_bytes(path.read_bytes() * 2)
    assert released.reasons() == ["BAD_STATEMENT"]


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["runDetails"]["builder"].update(id="https://example.com/me"),
        lambda it: it["buildDefinition"].update(buildType="https://example.com/handmade"),
        lambda it: it["runDetails"]["metadata"].update(invocationId="another"),
        lambda it: it["buildDefinition"]["internalParameters"].update(release_entry=0),
    ],
)
def test_a_builder_or_a_run_that_it_was_not(
    released: Released, change: Callable[[dict[str, Any]], None]
) -> None:
    """SLSA: verifiers accept known pairs of signer and builder only."""
    signed_again(released, change)
    assert released.reasons() == ["STATEMENT_MISMATCH"]


def test_attack_40_a_parameter_that_the_run_did_not_have(released: Released) -> None:
    assert check_parameters(released.folder, released.run) == []

    def add(predicate: dict[str, Any]) -> None:
        predicate["buildDefinition"]["externalParameters"]["skip_gate"] = True

    signed_again(released, add)
    [found] = check_parameters(released.folder, released.run)
    assert found.reason is Reason.POLICY_VIOLATION
    assert "externalParameters.skip_gate is True" in found.message
    assert "run entry 2 has not there" in found.message


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (lambda folder: (folder / "MLmodel").write_text("flavors: 9"), "ARTIFACT_CHANGED"),
        (lambda folder: (folder / "MLmodel").unlink(), "ARTIFACT_MISSING"),
        (lambda folder: (folder / "code" / "evil.py").write_text(""), "ARTIFACT_EXTRA"),
        (lambda folder: (folder / "code" / "link").symlink_to("/etc/hostname"), "ARTIFACT_REFUSED"),
    ],
)
def test_files_that_are_not_as_signed(
    released: Released, tamper: Callable[[Path], object], reason: str
) -> None:
    tamper(released.folder)
    assert released.reasons() == [reason]


def test_two_statements_that_give_a_file_two_digests(released: Released) -> None:
    said = read_statement(released.folder)
    subjects = {name: {**digests, "sha256": "0" * 64} for name, digests in said.subjects.items()}
    signed_again(released, lambda _: replace(said, subjects=subjects))
    assert set(released.reasons()) == {"STATEMENT_MISMATCH"}


def test_nothing_is_signed_that_the_log_does_not_vouch_for(bench: Bench) -> None:
    made = make_release(bench)
    (made.folder / "MLmodel").write_text("changed before it was signed")
    with pytest.raises(TamperedError, match="nothing was signed") as refused:
        made.write()
    assert refused.value.reason is Reason.ARTIFACT_CHANGED
    assert not any((made.folder / name).exists() for name in NAMES)


def dependency(released: Released, name: str) -> dict[str, Any]:
    build = read_statement(released.folder).predicate["buildDefinition"]
    [found] = [item for item in build["resolvedDependencies"] if item["name"] == name]
    return found


def test_what_the_statement_tells_comes_from_the_log(released: Released) -> None:
    said = read_statement(released.folder).predicate
    assert said["buildDefinition"]["externalParameters"] == released.run.body["params"]
    assert said["runDetails"]["metadata"] == {
        "invocationId": "release-1",
        "finishedOn": "2026-11-22T23:13:10.127000Z",
    }
    [metrics] = said["runDetails"]["byproducts"]
    assert metrics["name"] == "mlruns/stages/train/metrics.json"
    manifest = dependency(released, "data/manifest.parquet")
    assert manifest["digest"] == {
        "blake3": released.bench.record("data/manifest.parquet")["blake3"]
    }
    assert dependency(released, "code")["digest"] == {
        "gitCommit": "01234567" * 0 + "0123456789abcdef0123456789abcdef01234567"
    }
    assert dependency(released, "requirements.lock")["digest"] == {"blake3": "1" * 64}
    assert dependency(released, "encoder.pth")["annotations"] == {"downloaded_in_entry": 1}
    settings = dependency(released, "parameters of train")
    assert json.loads(base64.b64decode(settings["content"])) == {"seed": 7}
    assert json.loads(
        base64.b64decode(dependency(released, "environment of train")["content"])
    ) == {"lock": "1" * 64, "python": "3.11.7"}


def test_digests_of_others_are_taken_only_for_the_very_bytes(bench: Bench) -> None:
    made = make_release(bench)
    right = {"blake3": bench.record("data/manifest.parquet")["blake3"], "md5": "a" * 32}
    made.write(
        known={
            "data/manifest.parquet": right,
            "requirements.lock": {"blake3": "2" * 64, "sha256": "3" * 64},
        },
        started="2026-11-23T00:13:00+01:00",
    )
    assert dependency(made, "data/manifest.parquet")["digest"] == right
    assert dependency(made, "requirements.lock")["digest"] == {"blake3": "1" * 64}
    times = read_statement(made.folder).predicate["runDetails"]["metadata"]
    assert times["startedOn"] == "2026-11-22T23:13:00Z"


def counted(released: Released) -> tuple[Identity, ...]:
    """Whose signatures count for the release, as the log itself tells it."""
    layout = Layout(released.bench.folder)
    reading = read_on(layout, released.store, open_head(layout, released.store))
    return reading.keys.identities_at(released.entry.seq + 1)


def test_statements_outlive_the_keys_that_signed_them(released: Released) -> None:
    before = (released.folder / BUNDLE).read_bytes()
    rotate(released.bench.folder, released.store)
    assert check_statements(released.folder, released.entry, counted(released)) == []
    # Lost and written anew under the new keys: these count for the old release too.
    (released.folder / BUNDLE).unlink()
    released.log = released.bench.open()
    released.write()
    assert (released.folder / BUNDLE).read_bytes() != before
    assert check_statements(released.folder, released.entry, counted(released)) == []
