"""Make the trained model small: recipes by level, a family by machine, every step measured.

python -m flows.compress     # this stage alone; `dvc repro compress` runs it when stale
"""

from prefect import flow

from flows.stage import run_stage
from provenance import Artifact
from tasks.compress.task import compress_model
from tasks.params import CompressParams, TrainParams
from tasks.workspace import Workspace


@flow(name="compress")
def compress(params: CompressParams, train: TrainParams, workspace: Workspace) -> Artifact:
    """From a trained model to deployables that keep to their budgets."""
    return compress_model(params, train, workspace)


if __name__ == "__main__":
    run_stage("compress")
