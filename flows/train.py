"""Train the multimodal model on validated data.

python -m flows.train        # this stage alone; `dvc repro train` runs it when stale
"""

from prefect import flow

from flows.stage import run_stage
from provenance import Artifact
from tasks.params import TrainParams
from tasks.train.fit import train_model
from tasks.workspace import Workspace


@flow(name="train")
def train(params: TrainParams, workspace: Workspace) -> Artifact:
    """Learn from three modalities, judge on unseen concepts, keep the best epoch."""
    return train_model(params, workspace)


if __name__ == "__main__":
    run_stage("train")
