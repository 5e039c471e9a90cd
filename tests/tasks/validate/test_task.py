"""The stage: a verdict when the manifest is good, nothing but the findings when it is not."""

from pathlib import Path

import mlflow
import pytest

from provenance import Log, TamperedError
from tasks.errors import CheckFailed, InputError
from tasks.tracked import tracked_run
from tasks.validate import validate_manifest


def ingested(workspace, frame, bounds):
    """What the ingest stage leaves behind: a manifest that the log knows."""
    with tracked_run("ingest", bounds, workspace=workspace) as run:
        run.publish(workspace.manifest, lambda path: frame.to_parquet(path))
    return workspace


def newest_run(workspace):
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("cairn")
    return client.search_runs(experiment.experiment_id, order_by=["start_time DESC"])[0]


def artifacts(run, folder=None):
    return {
        Path(item.path).name
        for item in mlflow.MlflowClient().list_artifacts(run.info.run_id, folder)
    }


def test_a_good_manifest_gets_a_verdict(workspace, good, bounds, known, good_verdict):
    ingested(workspace, good, bounds)
    verdict = validate_manifest.fn(bounds, known, workspace)
    assert verdict.path == workspace.stage("validate") / "verdict.json"
    text = verdict.verified().read_text(encoding="utf-8")
    assert '"passed": true,\n "rows": 36\n}' in text
    run = newest_run(workspace)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["rows"] == 36.0
    assert run.data.metrics["expectations_failed"] == 0.0
    assert {"data_docs", "verdict.json"} <= artifacts(run)
    assert "index.html" in artifacts(run, "data_docs")
    log = Log.open(workspace.provenance)
    (source,) = log.find(run.info.run_id).body["inputs"]
    assert source["path"] == "data/manifest.parquet"
    assert f'"manifest": "{source["blake3"]}"' in text


def test_a_bad_manifest_stops_the_flow_and_shows_why(workspace, good, bounds, known):
    quality = good["quality"].where(good["id"] != "food/3/fr")
    ingested(workspace, good.assign(quality=quality), bounds)
    with pytest.raises(CheckFailed) as caught:
        validate_manifest.fn(bounds, known, workspace)
    run = newest_run(workspace)
    message = str(caught.value)
    assert (
        "clips: quality is given for each row: 1 of 36 rows break this, "
        "such as food/3/fr (quality missing or NaN)"
    ) in message
    assert f"MLflow run {run.info.run_id}, artifact data_docs/index.html" in message
    assert "mlruns/stages/ingest/set_aside.jsonl" in message
    assert run.info.status == "FAILED"
    assert "index.html" in artifacts(run, "data_docs")
    assert run.data.metrics["expectations_failed"] == 1.0
    assert not (workspace.stage("validate") / "verdict.json").exists()


def test_a_changed_manifest_is_not_even_read(workspace, good, bounds, known):
    ingested(workspace, good, bounds)
    good.assign(label="food").to_parquet(workspace.manifest)
    with pytest.raises(TamperedError, match=r"data/manifest\.parquet: expected blake3 [0-9a-f]{8}"):
        validate_manifest.fn(bounds, known, workspace)


def test_without_a_manifest_it_says_what_to_run(workspace, bounds, known):
    with pytest.raises(InputError, match="run the stage that makes it first"):
        validate_manifest.fn(bounds, known, workspace)
