"""Hold the model against the gate, register it, promote it if it beats the champion.

python -m flows.release      # this stage alone; `dvc repro release` runs it when stale
"""

from prefect import flow

from flows.stage import run_stage
from provenance import Artifact
from tasks.params import ReleaseParams
from tasks.release import release_model
from tasks.workspace import Workspace


@flow(name="release")
def release(params: ReleaseParams, workspace: Workspace) -> Artifact:
    """From a trained model to a registered one, every file of it in the log."""
    return release_model(params, workspace)


if __name__ == "__main__":
    run_stage("release")
