"""All questions together: what is remembered afterwards, and demanded the next time."""

import shutil

import mlflow
import pytest

from provenance import Reason
from provenance.checkpoint import log_id
from provenance.checks import Category, Outcome
from provenance.witness import WitnessError
from tasks.verification import Asked, verify_target
from tasks.verification.mlflow_witness import ExperimentWitness
from tests.tasks.verification.conftest import Shop, git


def forget(shop: Shop) -> None:
    shutil.rmtree(shop.keys / "pins")


def snapshot(shop: Shop) -> dict[str, bytes]:
    folder = shop.workspace.provenance
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def restore(shop: Shop, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (shop.workspace.provenance / name).write_bytes(data)


def test_the_champion_and_the_whole_log_by_default(shop: Shop) -> None:
    shop.release()
    shop.put("elsewhere.txt", "x")
    shop.log.append(
        {"kind": "run", "id": "x", "artifacts": [shop.put("elsewhere.txt", "x")], "inputs": []}
    )
    report = shop.verify(None)
    assert report.target == "tiny version 1 and the whole log"
    assert report.exit_code == 0
    assert shop.verify(None, everything=True).exit_code == 0
    shop.put("elsewhere.txt", "y")
    report = shop.verify(None)
    assert (report.exit_code, report.findings[0].path) == (1, "elsewhere.txt")
    assert shop.verify("tiny").exit_code == 0  # not made from it
    told = report.to_dict()
    assert told["ok"] is False
    assert [one["category"] for one in told["verdicts"]] == [one.value for one in Category]
    assert told["findings"][0]["reason"] == "ARTIFACT_CHANGED"


def test_an_older_release_is_verified_with_all_but_not_with_the_champion(shop: Shop) -> None:
    first = shop.release("1")
    shop.release("2")
    path = shop.root / first.body["artifacts"][0]["path"]
    (path.parent / "provenance.dsse.json").unlink()
    assert shop.verify(None).verdict(Category.AUTHENTICITY).outcome is Outcome.PASS
    verdict = shop.verify(None, everything=True).verdict(Category.AUTHENTICITY)
    assert verdict.reason is Reason.STATEMENT_MISSING


def test_attack_10_a_rollback_is_refused_by_the_git_note(shop: Shop) -> None:
    git(shop.root, "init", "-q")
    git(shop.root, "commit", "-q", "--allow-empty", "-m", "one")
    shop.release("1")
    old = snapshot(shop)
    shop.release("2")
    assert shop.verify(None, git_note=True).exit_code == 0
    restore(shop, old)
    forget(shop)
    verdict = shop.verify(None).verdict(Category.AUTHENTICITY)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.ROLLED_BACK)
    assert any("head remembered by git note on" in line for line in verdict.evidence)


def test_attack_10_a_rollback_is_refused_by_mlflow(tracked: Shop) -> None:
    shop = tracked
    shop.release("1")
    old = snapshot(shop)
    shop.release("2")
    assert shop.verify(None).exit_code == 0
    head = shop.log.head().checkpoint
    experiment = mlflow.get_experiment_by_name("cairn")
    tag = experiment.tags[f"cairn.provenance.{log_id(head.origin)}"]
    assert tag.split() == head.text().split()
    restore(shop, old)
    forget(shop)
    verdict = shop.verify(None).verdict(Category.AUTHENTICITY)
    assert verdict.reason is Reason.ROLLED_BACK
    assert "MLflow experiment" in verdict.message


def test_mlflow_never_forgets_the_larger_head(tracked: Shop) -> None:
    shop = tracked
    witness = ExperimentWitness(shop.workspace)
    shop.release("1")
    first = shop.log.head().checkpoint
    shop.release("2")
    second = shop.log.head().checkpoint
    for head in (first, second, first):
        witness.remember(head)
    assert [seen.checkpoint for seen in witness.recall(first.origin)] == [second]
    experiment = mlflow.get_experiment_by_name("cairn")
    mlflow.MlflowClient().set_experiment_tag(
        experiment.experiment_id, f"cairn.provenance.{log_id(first.origin)}", "all is well"
    )
    with pytest.raises(WitnessError, match="is no head of a log"):
        shop.verify(None)


def test_no_database_is_made_to_ask_it(shop: Shop) -> None:
    shop.release()
    assert shop.verify(None).exit_code == 0
    assert not (shop.workspace.mlruns / "mlflow.db").exists()


def test_what_failed_is_not_remembered(shop: Shop) -> None:
    git(shop.root, "init", "-q")
    git(shop.root, "commit", "-q", "--allow-empty", "-m", "one")
    shop.release()
    shop.put("data/manifest.parquet", "other rows")
    assert shop.verify(None, git_note=True).exit_code == 1
    assert git(shop.root, "notes", "--ref=cairn-provenance", "list") == ""


def test_the_policy_decides_about_dirty_trees(shop: Shop) -> None:
    git(shop.root, "init", "-q")
    git(shop.root, "commit", "-q", "--allow-empty", "-m", "one")
    commit = git(shop.root, "rev-parse", "HEAD").strip()
    shop.release(run={"mlflow": "x", "git": commit, "dirty": True})
    report = shop.verify()
    assert report.verdict(Category.LINEAGE).reason is Reason.TREE_DIRTY
    assert report.exit_code == 1
    shop.policy(code__clean_tree=False)
    assert shop.verify().verdict(Category.LINEAGE).outcome is Outcome.PASS
    assert shop.verify().verdict(Category.COMPLIANCE).reason is Reason.POLICY_CHANGED


def test_an_edited_name_in_params_does_not_talk_the_champion_away(shop: Shop) -> None:
    entry = shop.release()
    (shop.root / entry.body["artifacts"][0]["path"]).with_name("model.sig").unlink()
    asked = Asked(model="other")
    report = verify_target(shop.workspace, asked, keys=shop.keys)
    assert report.target == "the log; no champion of other is released yet, but of tiny"
    assert report.verdict(Category.AUTHENTICITY).reason is Reason.STATEMENT_MISSING


def test_attack_37_a_loosened_policy_does_not_decide_about_runs(shop: Shop) -> None:
    """No release is asked about, yet the policy says what code may run and how much may differ."""
    git(shop.root, "init", "-q")
    git(shop.root, "commit", "-q", "--allow-empty", "-m", "one")
    commit = git(shop.root, "rev-parse", "HEAD").strip()
    shop.release(run={"mlflow": "x", "git": commit, "dirty": True})
    assert shop.verify("train").exit_code == 1
    shop.policy(code__clean_tree=False)
    report = shop.verify("train")
    assert report.verdict(Category.COMPLIANCE).reason is Reason.POLICY_CHANGED
    assert report.exit_code == 1
    shop.policy()
    assert shop.verify("ingest").verdict(Category.COMPLIANCE).reason is Reason.NOT_ASKED
    (shop.root / "policy.yaml").unlink()  # it may have been stricter than what holds without one
    assert shop.verify("ingest").verdict(Category.COMPLIANCE).reason is Reason.POLICY_MISSING
    assert shop.verify("ingest").exit_code == 2


def test_a_note_that_is_not_text_is_no_consent(shop: Shop) -> None:
    git(shop.root, "init", "-q")
    git(shop.root, "commit", "-q", "--allow-empty", "-m", "one")
    (shop.root / "note").write_bytes(b"\xff\xfe\n")
    git(shop.root, "notes", "--ref=cairn-provenance", "add", "-F", "note")
    shop.release()
    with pytest.raises(WitnessError, match="is no head of a log"):
        shop.verify()


def test_an_older_run_does_not_pass_by_the_bytes_of_a_newer_one(shop: Shop) -> None:
    path = "mlruns/stages/train/model.safetensors"
    first = shop.run("train", [shop.put(path, "first")], [])
    assert shop.verify(first.body["id"]).verdict(Category.INTEGRITY).outcome is Outcome.PASS
    second = shop.run("train", [shop.put(path, "second")], [])
    assert shop.verify(second.body["id"]).verdict(Category.INTEGRITY).outcome is Outcome.PASS
    report = shop.verify(first.body["id"])
    verdict = report.verdict(Category.INTEGRITY)
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_CHECKED, Reason.CANNOT_CHECK)
    assert f"{path} was written again by entry {second.seq}" in verdict.message
    assert report.exit_code == 2
    shop.put(path, "first")  # put back
    assert shop.verify(first.body["id"]).verdict(Category.INTEGRITY).outcome is Outcome.PASS
