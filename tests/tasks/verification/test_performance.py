"""What is compared when the evaluation is run again. The evaluation itself is tested with the train
stage, and end to end in tests/project."""

import json
from typing import Any

import pandas as pd
import pytest

from provenance import Reason, TamperedError
from provenance.checks import Category, Outcome
from provenance.releases import Release
from tasks.train.evaluate import Evaluation
from tasks.verification.performance import judge_again
from tests.tasks.verification.conftest import Shop

PERFORMANCE = Category.PERFORMANCE
ACCURACY = 0.75
FIGURES = {
    "fused": {"accuracy": ACCURACY, "ece": 0.05},
    "retrieval": {"speech_to_text": {"r1": 0.5}},
}
LOGGED = {"test.fused.accuracy": "0.75", "test.fused.ece": "0.05", "test.speech_to_text.r1": "0.5"}


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judging takes a real model and minutes; here it gives known figures."""
    found = Evaluation(pd.DataFrame({"id": range(4)}), FIGURES, pd.DataFrame())
    monkeypatch.setattr("tasks.verification.performance.judge_again", lambda *_: found)


def released(shop: Shop, logged: dict[str, str], written: Any) -> None:
    record = shop.put("mlruns/stages/train/metrics.json", json.dumps(written))
    weights = shop.put("mlruns/stages/train/model.safetensors", "weights 1")
    shop.release(metrics=logged, artifacts=[weights, record])


def test_figures_that_come_out_again(shop: Shop, judge: None) -> None:
    shop.policy(minimum_metrics={"test.fused.accuracy": 0.5})  # the tiny model reaches no more
    released(shop, {**LOGGED, "best_epoch": "2.0"}, FIGURES)
    report = shop.verify(performance=True)
    verdict = report.verdict(PERFORMANCE)
    assert verdict.outcome is Outcome.PASS, verdict
    assert "3 logged figures and 3 in metrics.json" in verdict.message
    assert report.exit_code == 0


@pytest.mark.parametrize(
    ("logged", "written", "message"),
    [
        ({"test.fused.accuracy": "0.99"}, {}, "test.fused.accuracy is 0.99 logged, 0.75 came out"),
        ({}, {"fused": {"accuracy": 0.99, "ece": 0.05}}, "fused.accuracy is 0.99 in metrics.json"),
        ({"test.fused.ece": "0.0500011"}, {}, "test.fused.ece is 0.0500011 logged"),
        ({"test.invented": "1.0"}, {}, "test.invented is logged, but did not come out"),
        ({"test.fused.ece": "nan"}, {}, "test.fused.ece is nan logged, 0.05 came out"),
    ],
)
def test_attack_33_figures_edited_and_signed_again(
    shop: Shop, judge: None, logged: dict[str, str], written: dict[str, Any], message: str
) -> None:
    """The attacker holds the key: integrity and authenticity have nothing to object."""
    released(shop, LOGGED | logged, FIGURES | written)
    report = shop.verify(performance=True)
    for category in (Category.INTEGRITY, Category.AUTHENTICITY):
        assert report.verdict(category).outcome is Outcome.PASS
    verdict = report.verdict(PERFORMANCE)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.METRIC_DRIFT)
    assert message in verdict.message
    assert report.exit_code == 1


def test_attack_33_figures_edited_after_the_run(shop: Shop, judge: None) -> None:
    released(shop, LOGGED, FIGURES)
    shop.put("mlruns/stages/train/metrics.json", json.dumps(FIGURES | {"fused": {"accuracy": 1.0}}))
    verdict = shop.verify().verdict(Category.INTEGRITY)
    assert verdict.reason is Reason.ARTIFACT_CHANGED
    assert verdict.findings[0].path == "mlruns/stages/train/metrics.json"


def test_within_the_declared_tolerance(shop: Shop, judge: None) -> None:
    shop.policy(tolerance__metrics=0.01)
    released(shop, LOGGED | {"test.fused.ece": "0.0505"}, FIGURES)
    assert shop.verify(performance=True).verdict(PERFORMANCE).outcome is Outcome.PASS


def test_data_that_are_gone_leave_the_question_open(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> Evaluation:
        raise TamperedError("data/media: found nothing", Reason.ARTIFACT_MISSING)

    monkeypatch.setattr("tasks.verification.performance.judge_again", gone)
    shop.policy(minimum_metrics={"test.fused.accuracy": 0.5})  # the tiny model reaches no more
    released(shop, LOGGED, FIGURES)
    report = shop.verify(performance=True)
    assert report.verdict(PERFORMANCE).reason is Reason.CANNOT_CHECK
    assert report.exit_code == 2


def test_unasked_is_no_pass_and_no_failure(shop: Shop) -> None:
    shop.release()
    report = shop.verify()
    assert report.verdict(PERFORMANCE).reason is Reason.NOT_ASKED
    assert report.exit_code == 0


def test_no_figure_to_compare_with_is_no_pass(shop: Shop, judge: None) -> None:
    """Nothing was logged, and metrics.json is not the run's: then nothing came out again."""
    shop.policy(minimum_metrics={})
    released(shop, {"best_epoch": "2.0"}, FIGURES)
    shop.put("mlruns/stages/train/metrics.json", "{}")
    verdict = shop.verify(performance=True).verdict(PERFORMANCE)
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_CHECKED, Reason.NOTHING_TO_CHECK)


def test_a_missing_metrics_file_leaves_the_other_answers(shop: Shop, judge: None) -> None:
    released(shop, LOGGED, FIGURES)
    (shop.root / "mlruns/stages/train/metrics.json").unlink()
    report = shop.verify(performance=True)
    assert report.verdict(Category.INTEGRITY).reason is Reason.ARTIFACT_MISSING
    assert report.verdict(PERFORMANCE).outcome is Outcome.PASS
    assert report.exit_code == 1


def test_data_that_the_run_did_not_log_are_not_judged_on(shop: Shop) -> None:
    """Whoever chooses the clips chooses the figures."""
    entry = shop.release()
    train = next(e for e in shop.log.entries() if e.body.get("stage") == "train")
    with pytest.raises(TamperedError, match="is no input of the training run"):
        judge_again(shop.workspace, Release.of(entry.body), train)
