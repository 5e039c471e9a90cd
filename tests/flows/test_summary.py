"""What a run did, in one table."""

import pytest

from flows.repro import StageFailed, repro
from flows.stages import MODEL
from flows.summary import last_summary, summarise
from tasks.workspace import Workspace
from tests.flows.conftest import change, log_run, planned

STOP = 5.0


def test_digest_and_figure_of_what_is_up_to_date(ran: Workspace) -> None:
    digest = log_run(ran, "ingest", "data/manifest.parquet", {"rows": "7150"})
    summary = summarise(planned(ran, "run1"))
    assert summary.idle
    assert [(row.outcome, row.seconds) for row in summary.rows] == [("skipped", 0.0)] * 2
    assert (summary.rows[0].digest, summary.rows[0].headline) == (digest, "rows 7150")
    assert (summary.rows[1].digest, summary.rows[1].headline) == ("", "")
    assert summary.table()[0]["blake3"] == digest[:12]
    assert last_summary(ran) == summary


def test_failed_and_not_reached(toy: Workspace) -> None:
    change(toy, "data/raw.txt", "stamps", "bad gate")
    run = planned(toy, "run1")
    with pytest.raises(StageFailed):
        repro(toy, run.plan, run.id, STOP)
    summary = summarise(run)
    assert [row.outcome for row in summary.rows] == ["failed", "not reached"]
    assert [row.why for row in summary.failed] == ["accuracy 0.5 is below 0.9"]
    assert not summary.idle


def test_same_bytes_spare_the_stages_after(ran: Workspace) -> None:
    run = planned(ran, "run1", force="ingest")
    assert run.plan.of("validate").follows == ("ingest",)
    repro(ran, run.plan, run.id, STOP)
    summary = summarise(run)
    assert [row.outcome for row in summary.rows] == ["ran", "skipped"]
    assert summary.rows[1].why == "what ingest made is the same as before"
    assert summary.seconds == summary.rows[0].seconds
    assert not summary.idle


def test_a_killed_stage_counts_as_failed(toy: Workspace) -> None:
    change(toy, "data/raw.txt", "stamps", "kill")
    run = planned(toy, "run1")
    with pytest.raises(StageFailed):
        repro(toy, run.plan, run.id, STOP)
    assert summarise(run).rows[0].why == "killed"


def test_the_model_is_named(toy: Workspace) -> None:
    path = toy.root / MODEL
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    digest = log_run(toy, "train", MODEL, {})
    assert summarise(planned(toy, "run1")).model == digest


def test_nothing_yet(toy: Workspace) -> None:
    assert last_summary(toy) is None
    assert summarise(planned(toy, "run1")).model == ""
