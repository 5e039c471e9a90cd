"""Lineage of a release: gaps, releases out of nothing, and the code that ran. git is the judge."""

import shutil
from typing import Any

import pytest

from provenance import Reason
from provenance.checks.ancestry import CodeRules, ancestry
from provenance.checks.target import Target, find_target, whole_log
from provenance.checks.verdict import Outcome, Verdict
from provenance.releases import Release
from tests.provenance.checks.conftest import case_of, git
from tests.provenance.statements.released import Released, make_release


def ask(made: Released, wanted: str | None = "tiny", **rules: Any) -> Verdict:
    case = case_of(made)
    assert case.reading is not None
    history = case.reading.history
    target: Target | None = (
        whole_log(history, "tiny") if wanted is None else find_target(history, wanted)
    )
    assert target is not None
    return ancestry(case, made.bench.root, target, CodeRules(**rules))


@pytest.mark.parametrize("wanted", ["tiny", "tiny/1", "train-1", "release-1", None])
def test_a_lineage_that_holds(released: Released, commit: str, wanted: str | None) -> None:
    verdict = ask(released, wanted)
    assert verdict.outcome is Outcome.PASS, verdict
    assert any(commit in line for line in verdict.evidence)


def test_attack_34_a_data_set_that_was_never_logged_or_only_later(released: Released) -> None:
    data = released.bench.put("data/other.parquet", "rows")
    model = released.bench.put("mlruns/stages/train/model.safetensors", "more")
    source = {"path": data["path"], "blake3": data["blake3"]}
    released.log.append({"kind": "run", "id": "train-x", "artifacts": [model], "inputs": [source]})
    released.log.append({"kind": "run", "id": "ingest-x", "artifacts": [data]})
    verdict = ask(released, "train-x")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.LINEAGE_GAP)
    assert "which no earlier entry holds" in verdict.message
    assert ask(released, "tiny").outcome is Outcome.PASS  # another model is not to blame
    assert ask(released, None).reason is Reason.LINEAGE_GAP  # the log as a whole is


def orphan(made: Released, inputs: list[dict[str, Any]]) -> None:
    release = Release.of(made.entry.body)
    other = Release("tiny", "2", True, "", "0" * 64, release.files)
    made.log.append({**other.body(), "id": "r2", "inputs": inputs, "run": {"mlflow": "release-1"}})


def test_attack_34_a_release_out_of_nothing(released: Released) -> None:
    orphan(released, [])
    verdict = ask(released, "tiny/2")
    assert verdict.reason is Reason.LINEAGE_GAP
    assert "tiny version 2: its weights come from no logged run" in verdict.message


def test_attack_34_weights_made_from_no_data(released: Released) -> None:
    weights = released.bench.record("mlruns/stages/train/model.safetensors")
    made = released.log.append({"kind": "run", "id": "conjured", "artifacts": [weights]})
    orphan(released, [{"entry": made.seq, "path": weights["path"], "blake3": weights["blake3"]}])
    verdict = ask(released, "tiny/2")
    assert verdict.reason is Reason.LINEAGE_GAP
    assert "made its weights from no logged data" in verdict.message


def run_claims(made: Released, *, clean_later: bool = False, **claims: Any) -> None:
    """A run that says this about its code."""
    record = made.bench.put("claimed", "out")
    first = made.bench.record("data/manifest.parquet")
    body = {
        "kind": "run",
        "stage": "train",
        "artifacts": [record],
        "inputs": [{"entry": 0, "path": first["path"], "blake3": first["blake3"]}],
    }
    made.log.append({**body, "id": "claimed", "run": {"mlflow": "claimed", **claims}})
    if clean_later:
        made.log.append({**body, "id": "again", "run": {**claims, "mlflow": "x", "dirty": False}})


@pytest.mark.parametrize("sha", ["0" * 40, "HEAD", "main", "--help", "not hex"])
def test_attack_36_a_commit_that_is_not_there(released: Released, sha: str) -> None:
    """Names that git would resolve are no commits either: they mean something else tomorrow."""
    run_claims(released, git=sha, dirty=False)
    verdict = ask(released, "claimed")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.COMMIT_MISSING)
    assert "which is not in the repository" in verdict.message


def test_attack_36_a_tree_is_no_commit(released: Released) -> None:
    run_claims(released, git=git(released.bench.root, "rev-parse", "HEAD^{tree}"), dirty=False)
    assert ask(released, "claimed").reason is Reason.COMMIT_MISSING


def test_attack_36_a_dirty_tree(released: Released, commit: str) -> None:
    run_claims(released, git=commit, dirty=True)
    verdict = ask(released, "claimed")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.TREE_DIRTY)
    assert (
        f"(train) ran with tracked files that differ from commit {commit[:12]}" in verdict.message
    )
    lenient = ask(released, "claimed", clean_tree=False)
    assert lenient.outcome is Outcome.PASS
    assert any("the policy allows it" in line for line in lenient.evidence)
    assert ask(released, "tiny").outcome is Outcome.PASS  # nothing was released from it
    assert ask(released, None).outcome is Outcome.PASS


def test_a_run_that_does_not_say_whether_its_tree_was_clean(
    released: Released, commit: str
) -> None:
    run_claims(released, git=commit)
    assert ask(released, "claimed").reason is Reason.TREE_DIRTY


def test_the_same_outputs_from_a_clean_tree_excuse_a_dirty_one(
    released: Released, commit: str
) -> None:
    run_claims(released, git=commit, dirty=True, clean_later=True)
    verdict = ask(released, "claimed")
    assert verdict.outcome is Outcome.PASS
    assert any("made the same from a clean tree" in line for line in verdict.evidence)


def test_outside_git_it_is_said_and_a_policy_may_refuse(released: Released) -> None:
    run_claims(released, git="absent", dirty=False)
    verdict = ask(released, "claimed")
    assert verdict.outcome is Outcome.PASS
    assert any("what code ran is not known" in line for line in verdict.evidence)
    strict = ask(released, "claimed", commit=True)
    assert (strict.outcome, strict.reason) == (Outcome.FAIL, Reason.COMMIT_MISSING)


def test_without_the_repository_nothing_can_be_said(
    released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(released.bench.root.parent))
    shutil.rmtree(released.bench.root / ".git")
    verdict = ask(released)
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_CHECKED, Reason.CANNOT_CHECK)
    assert "is no git repository: verify in a clone of it" in verdict.message


def test_names_of_targets(released: Released) -> None:
    second = make_release(released.bench, "2", "more weights")
    case = case_of(second)
    assert case.reading is not None
    history = case.reading.history

    def name(wanted: str) -> str | None:
        found = find_target(history, wanted)
        return found.name if found else None

    assert name("tiny") == "tiny version 2"
    assert name("tiny/1") == "tiny version 1"
    assert name("train-2") == "run train-2 of stage train"
    assert name("train") == "run train-2 of stage train"
    assert name("release-release-1") == "tiny version 1"
    assert name("big") is None
    assert name("tiny/3") is None
    assert name("t") is None
