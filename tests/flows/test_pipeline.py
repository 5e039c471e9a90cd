"""The pipeline as a Prefect flow, over the real DVC."""

import asyncio

import pytest

from flows.pipeline import pipeline
from flows.repro import StageFailed
from flows.summary import last_summary
from provenance import Log
from tasks.entry import failure_body
from tasks.workspace import Workspace
from tests.flows.conftest import Hook, change, planned, tries

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_api")]


def failures(workspace: Workspace) -> list[tuple[str, str]]:
    entries = Log.open(workspace.provenance).entries()
    found = [entry.body for entry in entries if entry.body["kind"] == "failure"]
    return [(body["stage"], body["error"]) for body in found]


def test_a_run_ends_in_a_table(toy: Workspace, hook: type[Hook]) -> None:
    from prefect.artifacts import Artifact

    summary = pipeline(planned(toy, "run1"))
    assert [row.outcome for row in summary.rows] == ["ran", "ran"]
    assert summary == last_summary(toy)
    artifact = asyncio.run(Artifact.aget("summary"))
    assert artifact is not None
    assert '"stage": "ingest"' in str(artifact.data)
    assert [got["status"] for got in hook.got] == ["completed"]


def test_a_failure_that_may_pass_is_tried_again(
    toy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    change(toy, "data/raw.txt", "stamps", "passing")
    summary = pipeline(planned(toy, "run1"))
    assert [row.outcome for row in summary.rows] == ["ran", "ran"]
    assert tries(toy, "ingest") == 3
    err = capsys.readouterr().err
    assert "cairn: stage ingest: the mirror did not answer" in err
    assert "trying again in 0.01 s (2 of 2)" in err


def test_a_gate_is_not_asked_twice_and_its_no_is_logged(toy: Workspace, hook: type[Hook]) -> None:
    change(toy, "data/raw.txt", "stamps", "bad gate")
    with pytest.raises(StageFailed, match=r"stage ingest: accuracy 0\.5 is below 0\.9"):
        pipeline(planned(toy, "run1"))
    assert tries(toy, "ingest") == 1
    assert failures(toy) == [("ingest", "CheckFailed: accuracy 0.5 is below 0.9")]
    (got,) = hook.got
    assert got["text"] == "Cairn run run1 failed: stage ingest: accuracy 0.5 is below 0.9"


def test_a_failure_that_the_stage_logged_is_not_logged_again(
    toy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(toy, "data/raw.txt", "stamps", "bad gate")
    change(
        toy,
        "toy.py",
        '        raise CheckFailed("accuracy',
        "        from provenance import Log\n"
        "        from tasks.entry import failure_body\n"
        "        here = Workspace.here()\n"
        '        Log.open(here.provenance).append(failure_body(stage, "m1", "as the stage says"))\n'
        '        raise CheckFailed("accuracy',
    )
    Log.open(toy.provenance).append(failure_body("ingest", "m0", "long ago"))
    with pytest.raises(StageFailed):
        pipeline(planned(toy, "run1"))
    assert failures(toy) == [("ingest", "long ago"), ("ingest", "as the stage says")]


def test_a_failure_of_dvc_is_logged_for_the_pipeline(toy: Workspace) -> None:
    run = planned(toy, "run1")
    (toy.root / "dvc.yaml").write_text("stages: 7")
    with pytest.raises(Exception, match="dvc repro ended with exit code"):
        pipeline(run)
    ((stage, error),) = failures(toy)
    assert stage == "pipeline"
    assert "dvc repro ended with exit code" in error


def test_a_log_that_cannot_be_written_hides_no_failure(
    toy: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change(toy, "data/raw.txt", "stamps", "bad gate")
    monkeypatch.setenv("CAIRN_KEYS", str(toy.root / "keys"))  # refused: inside the workspace
    with pytest.raises(StageFailed, match=r"below 0\.9"):
        pipeline(planned(toy, "run1"))
    assert "cairn: the failure could not be logged (the key store" in capsys.readouterr().err
