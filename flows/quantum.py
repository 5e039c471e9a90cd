"""Ask whether a quantum head on the frozen model helps.

python -m flows.quantum         # this stage alone; `dvc repro quantum` runs it when stale
"""

from prefect import flow

from flows.stage import run_stage
from provenance import Artifact
from tasks.params import QuantumParams
from tasks.quantum.task import quantum_head
from tasks.workspace import Workspace


@flow(name="quantum")
def quantum(params: QuantumParams, workspace: Workspace) -> Artifact:
    """Train it and its opponents on the same embeddings, judge them on the same rows."""
    return quantum_head(params, workspace)


if __name__ == "__main__":
    run_stage("quantum")
