"""Bring the source's raw file into place."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from provenance import Artifact
from tasks.ingest.open_source import open_source
from tasks.params.ingest import IngestParams
from tasks.workspace import Workspace


@task(cache_policy=NO_CACHE)  # dvc decides what is stale; apt retries a weak network by itself
def fetch(params: IngestParams, workspace: Workspace) -> Artifact | None:
    """Download it, or find the one given; None where an installed Python package holds the data.

    Raises:
        InputError: it cannot be had, or is not what params.yaml pins.
    """
    raw = open_source(params, workspace).fetch()
    return None if raw is None else Artifact.of(raw.resolve())
