"""Hold the manifest against what training relies on.

python -m flows.validate     # this stage alone; `dvc repro validate` runs it when stale
"""

from prefect import flow

from flows.stage import run_stage
from provenance import Artifact
from tasks.params import IngestParams, ValidateParams
from tasks.validate import validate_manifest
from tasks.workspace import Workspace


@flow(name="validate")
def validate(params: ValidateParams, known: IngestParams, workspace: Workspace) -> Artifact:
    """Examine every row, group and class; stop here if anything is not as it should be."""
    return validate_manifest(params, known, workspace)


if __name__ == "__main__":
    run_stage("validate")
