"""Integrity and authenticity of one release: what is asked before a model is loaded."""

import os
import shutil
from pathlib import Path

import pytest

from provenance import Log, Reason, TamperedError
from provenance.checks import LOADABLE, Category, Outcome, verify_model
from provenance.releases import Release
from provenance.statements import NAMES, write_statements
from tests.provenance.checks.conftest import judge
from tests.provenance.statements.released import Released, make_release

INTEGRITY, AUTHENTICITY = LOADABLE


def test_a_released_model_passes_both_and_the_rest_is_unasked(released: Released) -> None:
    report = judge(released)
    assert [verdict.category for verdict in report.verdicts] == list(Category)
    for category in Category:
        verdict = report.verdict(category)
        if category in LOADABLE:
            assert verdict.outcome is Outcome.PASS, verdict
        else:
            assert (verdict.outcome, verdict.reason) == (Outcome.NOT_CHECKED, Reason.NOT_ASKED)
    assert report.exit_code == 0
    assert "4 artifacts" in report.verdict(INTEGRITY).message
    report.require(*LOADABLE)
    with pytest.raises(TamperedError, match="performance: runs the evaluation again"):
        report.require(Category.PERFORMANCE)  # what was not asked has not passed


@pytest.mark.parametrize(
    "name", ["MLmodel", "artifacts/model.safetensors", "code/models/__init__.py"]
)
def test_attack_31_edited_with_size_and_time_as_before(released: Released, name: str) -> None:
    path = released.folder / name
    status, data = path.stat(), path.read_bytes()
    path.write_bytes(data[:-1] + b"~" if data else b"~")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    report = judge(released)
    assert report.exit_code == 1
    found = report.verdict(INTEGRITY).findings[0]
    assert found.reason is Reason.ARTIFACT_CHANGED
    assert found.path is not None
    assert found.path.endswith(name)
    with pytest.raises(
        TamperedError, match=r"tiny version 1: integrity: .*expected blake3"
    ) as caught:
        report.require(*LOADABLE)
    assert caught.value.path == found.path


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("echo x > code/json.py", Reason.ARTIFACT_EXTRA),  # would shadow the standard library
        ("mkdir code/y && echo x > code/y/z", Reason.ARTIFACT_EXTRA),
        ("ln -s /etc code/etc", Reason.ARTIFACT_EXTRA),
        ("ln -s /etc code/__pycache__", Reason.ARTIFACT_EXTRA),
        ("mkdir code/__pycache__ && echo x > code/__pycache__/x.py", Reason.ARTIFACT_EXTRA),
        ("mkdir registered_model_meta && echo x > registered_model_meta/x", Reason.ARTIFACT_EXTRA),
        ("mkfifo code/pipe", Reason.ARTIFACT_EXTRA),
        ("rm MLmodel", Reason.ARTIFACT_MISSING),
        ("mv MLmodel mlmodel", Reason.ARTIFACT_MISSING),
        ("rm MLmodel && ln -s artifacts/config.json MLmodel", Reason.ARTIFACT_REFUSED),
        ("rm MLmodel && mkfifo MLmodel", Reason.ARTIFACT_REFUSED),
    ],
)
def test_attack_27_28_extra_missing_moved_and_special(
    released: Released, attack: str, reason: Reason
) -> None:
    assert os.system(f"cd '{released.folder}' && {attack}") == 0  # noqa: S605  # fixed commands
    report = judge(released)
    assert reason in {found.reason for found in report.verdict(INTEGRITY).findings}
    assert report.exit_code == 1


def test_what_mlflow_and_python_add_is_no_extra_file(released: Released) -> None:
    for name in ("registered_model_meta", "code/models/__pycache__/x.pyc"):
        (released.folder / name).parent.mkdir(exist_ok=True)
        (released.folder / name).write_text("x")
    verdict = judge(released).verdict(INTEGRITY)
    assert verdict.outcome is Outcome.PASS
    assert "1 files of compiled Python code are not checked" in verdict.evidence[-1]


def test_no_older_version_is_an_excuse(released: Released) -> None:
    """The log as a whole lets a path go back to bytes that it knows; a release is just itself."""
    path = "mlruns/artifacts/models/m-1/artifacts/artifacts/config.json"
    old = released.bench.put(path, "older")
    released.log.append({"kind": "run", "id": "x", "artifacts": [old]})
    report = judge(released)
    assert report.verdict(INTEGRITY).reason is Reason.ARTIFACT_CHANGED


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_release_without_its_statements_is_not_authentic(released: Released, name: str) -> None:
    (released.folder / name).unlink()
    verdict = judge(released).verdict(AUTHENTICITY)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.STATEMENT_MISSING)
    assert name in verdict.message


def test_attack_38_statements_of_another_model(released: Released) -> None:
    other = make_release(released.bench, "2", "other weights")
    other.write()
    for name in NAMES:
        shutil.copy(other.folder / name, released.folder / name)
    verdict = judge(released).verdict(AUTHENTICITY)
    assert verdict.outcome is Outcome.FAIL
    assert Reason.STATEMENT_MISMATCH in {found.reason for found in verdict.findings}


def test_a_stranger_trusts_nothing(released: Released, tmp_path: Path) -> None:
    """Without the signer's key neither question is answered with yes."""
    release = Release.of(released.entry.body)
    report = verify_model(released.log, released.bench.root, release)
    assert report.exit_code == 0
    (released.bench.keys).rename(tmp_path / "elsewhere")
    report = verify_model(released.log, released.bench.root, release)
    assert report.verdict(AUTHENTICITY).reason is Reason.UNTRUSTED_KEY
    assert report.verdict(INTEGRITY).reason is Reason.CANNOT_CHECK
    assert report.exit_code == 1
    with pytest.raises(TamperedError, match="the log is not to be believed"):
        report.require(INTEGRITY)


def test_a_broken_log_fails_integrity_and_vouches_for_nothing(released: Released) -> None:
    lines = released.bench.entries.read_bytes()
    released.bench.entries.write_bytes(lines.replace(b'"seed":7', b'"seed":8', 1))
    report = judge(released)
    assert report.verdict(INTEGRITY).reason is Reason.LOG_ENTRY_CHANGED
    assert report.verdict(AUTHENTICITY).reason is Reason.CANNOT_CHECK
    assert report.exit_code == 1


def test_a_release_that_the_log_does_not_know(released: Released) -> None:
    stranger = Release("tiny", "9", True, "", "0" * 64, Release.of(released.entry.body).files)
    report = verify_model(released.log, released.bench.root, stranger)
    assert "the log has no release tiny version 9" in report.verdict(INTEGRITY).message
    assert report.exit_code == 1


def test_files_elsewhere_cannot_be_checked_here(released: Released) -> None:
    files = tuple({**record, "kept": False} for record in Release.of(released.entry.body).files)
    release = Release("tiny", "7", True, "", "0" * 64, files)
    body = {**release.body(), "id": "r7", "run": {"mlflow": "release-1"}}
    log: Log = released.log
    log.append(body)
    report = verify_model(log, released.bench.root, release)
    for category in LOADABLE:
        assert report.verdict(category).reason is Reason.CANNOT_CHECK
    assert report.exit_code == 2


def test_a_number_that_was_given_twice_names_the_release_by_its_files(released: Released) -> None:
    """A registry made anew counts from 1 again; the second version 1 has files of its own."""
    first, bench = released, released.bench
    place = "mlruns/artifacts/models/m-2/artifacts"
    files = (
        bench.put(f"{place}/MLmodel", "flavors: 2"),
        bench.put(f"{place}/artifacts/model.safetensors", "other weights"),
        bench.put(f"{place}/artifacts/config.json", "{}"),
    )
    second = Release("tiny", "1", True, "anew", "0" * 64, files)
    entry = first.log.append(
        {**second.body(), "v": 1, "id": "release-anew", "run": {"mlflow": "release-1"}}
    )
    write_statements(bench.root / place, entry, first.log, first.store)
    assert verify_model(first.log, bench.root, second).exit_code == 0
    (bench.root / place / "MLmodel").write_text("flavors: evil")
    (bench.root / place / "evil.py").write_text("")
    (bench.root / place / "model.sig").unlink()
    report = verify_model(first.log, bench.root, second)
    assert report.verdict(INTEGRITY).reason is Reason.ARTIFACT_CHANGED
    assert report.verdict(AUTHENTICITY).outcome is Outcome.FAIL
    assert judge(first).exit_code == 0


def test_a_folder_that_cannot_be_listed_is_no_empty_one(
    released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = released.folder / "code" / "hidden"
    hidden.mkdir()
    honest = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("/hidden"):
            raise PermissionError(13, "Permission denied", str(path))
        return honest(path)

    monkeypatch.setattr(os, "scandir", refuse)
    verdict = judge(released).verdict(INTEGRITY)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.ARTIFACT_REFUSED)
    assert "code/hidden: cannot be listed (Permission denied)" in verdict.message


def test_a_bad_entry_about_keys_is_not_authentic(released: Released) -> None:
    entry = released.log.append({"kind": "key", "id": "key/forged", "key": {"action": "rotate"}})
    verdict = judge(released).verdict(AUTHENTICITY)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.BAD_STATEMENT)
    assert verdict.findings[0].entry == entry.seq
    with pytest.raises(TamperedError, match="malformed key statement"):
        judge(released).require(*LOADABLE)
