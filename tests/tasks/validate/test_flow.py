"""The flow hands its task's refusal on."""

import pytest

from flows.validate import validate
from tasks.errors import CheckFailed
from tasks.tracked import tracked_run


@pytest.mark.flow
def test_a_bad_manifest_fails_the_flow(prefect_api, workspace, good, bounds, known):
    with tracked_run("ingest", bounds, workspace=workspace) as run:
        run.publish(workspace.manifest, good.drop(columns="quality").to_parquet)
    with pytest.raises(CheckFailed, match="the columns are those of a manifest: missing quality"):
        validate(bounds, known, workspace)


@pytest.mark.flow
def test_a_good_manifest_passes_the_flow(prefect_api, workspace, good, bounds, known):
    with tracked_run("ingest", bounds, workspace=workspace) as run:
        run.publish(workspace.manifest, good.to_parquet)
    verdict = validate(bounds, known, workspace)
    assert verdict.verified() == workspace.stage("validate") / "verdict.json"
