"""Hold the manifest against what later stages rely on; a manifest that fails stops the flow."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from provenance import Artifact
from tasks.params.ingest import IngestParams
from tasks.params.validate import ValidateParams
from tasks.tracked import tracked_run
from tasks.upstream import upstream
from tasks.validate.docs import Examination
from tasks.validate.suite import contents, schema
from tasks.validate.verdict import Verdict
from tasks.workspace import Workspace

DOCS = "data_docs"
"""Folder of the MLflow run's artifacts that holds the Data Docs."""


@task(cache_policy=NO_CACHE)  # dvc decides what is stale
def validate_manifest(
    params: ValidateParams, known: IngestParams, workspace: Workspace
) -> Artifact:
    """Examine the manifest, show the findings, and write the verdict.

    Args:
        params: the bounds.
        known: names the languages and labels that may occur.
        workspace: holds the manifest that ingest made.

    Returns:
        the verdict file: small, and the same for the same manifest and bounds.

    Raises:
        CheckFailed: an expectation failed; names each with what was seen and example rows. The Data
            Docs and the verdict are in MLflow all the same.
    """
    manifest = upstream(workspace, workspace.manifest)
    with tracked_run("validate", params, inputs=[manifest], workspace=workspace) as run:
        frame = pd.read_parquet(manifest.verified())
        run.dataset(name="manifest", digest=manifest.digest, frame=frame, context="validate")
        with TemporaryDirectory() as docs:
            verdict = examine(frame, manifest.digest, params, known, Path(docs))
            run.attach(Path(docs), DOCS)
        run.page("verdict.json", verdict.json())
        run.summary({"rows": verdict.rows, "expectations_failed": len(verdict.failed)})
        verdict.require(
            docs=f"MLflow run {run.run_id}, artifact {DOCS}/index.html (`cairn ui`)",
            set_aside=workspace.relative(workspace.stage("ingest") / "set_aside.jsonl"),
        )
        return run.publish(workspace.stage("validate") / "verdict.json", verdict.write)


def examine(
    manifest: pd.DataFrame,
    digest: str,
    params: ValidateParams,
    known: IngestParams,
    docs: Path,
) -> Verdict:
    """All findings about a manifest; about its rows only if its columns are as they should be.

    Args:
        manifest: one row per clip.
        digest: of the manifest file, for the verdict.
        params: the bounds.
        known: names the languages and labels that may occur.
        docs: folder to build the Data Docs in.
    """
    examination = Examination(docs)
    examination.run(schema(manifest))
    if all(finding.passed for finding in examination.findings):
        for suite in contents(manifest, params, known):
            examination.run(suite)
    examination.build()
    return Verdict(manifest=digest, rows=len(manifest), findings=tuple(examination.findings))
