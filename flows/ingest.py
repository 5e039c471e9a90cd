"""Fetch a data set, look into every file, split it by concept.

python -m flows.ingest              # this stage alone; `dvc repro ingest` runs it when stale
"""

from prefect import flow

from flows.stage import run_stage
from provenance import Artifact
from tasks.ingest.fetch import fetch
from tasks.ingest.gather import gather
from tasks.params.ingest import IngestParams
from tasks.workspace import Workspace


@flow(name="ingest")
def ingest(params: IngestParams, workspace: Workspace) -> Artifact:
    """From a source to a manifest and a folder of media, every file accounted for."""
    return gather(params, fetch(params, workspace), workspace)


if __name__ == "__main__":
    run_stage("ingest")
