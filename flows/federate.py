"""Train the multimodal model across clients that keep their data.

python -m flows.federate        # this stage alone; `dvc repro federate` runs it when stale
"""

from prefect import flow

from flows.stage import run_stage
from provenance import Artifact
from tasks.federate.task import federate_model
from tasks.params import FederateParams, TrainParams
from tasks.workspace import Workspace


@flow(name="federate")
def federate(params: FederateParams, train: TrainParams, workspace: Workspace) -> Artifact:
    """Rounds over clients, each saved and logged; compare with the centralised model."""
    return federate_model(params, train, workspace)


if __name__ == "__main__":
    run_stage("federate")
