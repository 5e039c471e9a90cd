"""`cairn verify` and `cairn approve` as a person calls them: answers, exit codes, JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cairn.approve import approve
from cairn.verify import verify
from provenance import Log
from provenance.checks import Category, not_checked
from provenance.errors import Reason
from provenance.identity import Identity
from provenance.keys import KeyStore
from provenance.trust import trust as take
from tasks.errors import InputError
from tests.tasks.verification.conftest import Shop, shop  # noqa: F401  # the fixture


@pytest.fixture
def ours(shop: Shop) -> Shop:  # noqa: F811  # the fixture
    """params.yaml names the champion of the default model; here it is ours."""
    path = shop.workspace.params_file
    path.write_text(path.read_text().replace("name: cairn-stamps", "name: tiny"))
    return shop


def call(command: Any, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_a_healthy_release(ours: Shop) -> None:
    ours.release()
    for arguments in ((), ("--all",), ("tiny",), ("tiny/1",), ("train",)):
        done = call(verify, *arguments)
        assert done.exit_code == 0, done.stdout
        for category in Category:
            assert category.value in done.stdout
    assert "NOT_ASKED" in call(verify).stdout
    told = json.loads(call(verify, "--json").stdout)
    assert (told["ok"], told["exit_code"]) == (True, 0)
    assert [one["outcome"] for one in told["verdicts"]] == [
        "pass",
        "pass",
        "pass",
        "not checked",
        "pass",
        "not checked",
    ]


def test_something_wrong_is_named_and_ends_in_1(ours: Shop) -> None:
    entry = ours.release()
    path = entry.body["artifacts"][1]["path"]
    ours.put(path, "other weights")
    done = call(verify)
    assert done.exit_code == 1
    assert f"FAILED  ARTIFACT_CHANGED: {path} (entry {entry.seq})" in done.stdout


def test_what_cannot_be_checked_ends_in_2(ours: Shop) -> None:
    ours.release()
    (ours.root / "policy.yaml").unlink()
    done = call(verify)
    assert done.exit_code == 2
    assert "POLICY_MISSING" in done.stdout


def test_before_anything_was_released(ours: Shop) -> None:
    ours.log.append({"kind": "run", "id": "x", "artifacts": [ours.put("x", "x")]})
    done = call(verify)
    assert done.exit_code == 0, done.stdout
    assert "no champion of tiny is released yet" in done.stdout


def test_six_asks_all(ours: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two that take minutes are tested elsewhere; here only that they are asked."""
    asked = []

    def slow(category: Category) -> Any:
        def answer(*_: Any) -> Any:
            asked.append(category)
            return not_checked(category, Reason.CANNOT_CHECK, "asked")

        return answer

    monkeypatch.setattr("tasks.verification.performance.performance", slow(Category.PERFORMANCE))
    monkeypatch.setattr("cairn.verify._reproduce", lambda _: slow(Category.REPRODUCIBILITY))
    ours.release()
    assert call(verify, "--six").exit_code == 2
    assert asked == [Category.PERFORMANCE, Category.REPRODUCIBILITY]


def test_wrong_usage(ours: Shop) -> None:
    ours.release()
    with pytest.raises(InputError, match="give 'tiny' or --all, not both"):
        call(verify, "tiny", "--all")
    with pytest.raises(InputError, match="--stage ingest: add --reproduce"):
        call(verify, "tiny", "--stage", "ingest")
    with pytest.raises(InputError, match="the log has no model, run or stage 'huge'"):
        call(verify, "huge")
    with pytest.raises(InputError, match="--stage deploy: one of ingest, validate, train, or all"):
        call(verify, "--reproduce", "--stage", "deploy")
    with pytest.raises(InputError, match="give a model to approve, or --policy"):
        call(approve)
    with pytest.raises(InputError, match=r"no release 'huge'; there are: tiny/1"):
        call(approve, "huge")


def test_approving_a_policy_and_a_model(ours: Shop) -> None:
    entry = ours.release()
    ours.policy(minimum_metrics={})
    assert "POLICY_CHANGED" in call(verify).stdout
    assert f"is in force since entry {entry.seq + 1}" in call(approve, "--policy").stdout
    assert call(verify).exit_code == 0
    assert "tiny/1 approved under policy" in call(approve, "tiny").stdout
    assert call(verify).exit_code == 0


def test_an_approver_needs_no_run_of_their_own(
    ours: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours.release()
    boss = tmp_path / "boss"
    take(KeyStore(boss), Identity.parse("team", KeyStore(ours.keys).public_bundle()[1], "team"))
    monkeypatch.setenv("CAIRN_KEYS", str(boss))
    assert "so that they can trust them: cairn keys export" in call(approve, "tiny").stdout
    assert "cairn keys export" not in call(approve, "tiny").stdout
    theirs = KeyStore(boss).public_bundle()[0]
    assert f"-{theirs}" in list(Log.open(ours.workspace.provenance).entries())[-1].body["id"]


def test_a_stranger_is_told_once_whom_to_trust(
    ours: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours.release()
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "nobody"))
    monkeypatch.setenv("COLUMNS", "500")
    told = call(verify)
    assert told.exit_code == 1
    assert told.stdout.count("the log is not to be believed, see authenticity") == 3
    assert told.stdout.count("cairn keys trust FILE --name NAME") == 2  # in the table, and FAILED
