"""Ask whether a quantum head on the frozen model helps.

python -m flows.quantum         # this stage alone; `dvc repro quantum` runs it when stale
"""

from prefect import flow

from flows.stage import run_stage
from provenance import Artifact
from tasks.params import QuantumParams
from tasks.quantum.decide import decide
from tasks.quantum.task import quantum_head
from tasks.workspace import Workspace


@flow(name="quantum")
def quantum(params: QuantumParams, workspace: Workspace) -> Artifact:
    """Decide what can be put as QUBO; train the head and its opponents, and say who won."""
    return quantum_head(params, workspace, decide(params, workspace))


if __name__ == "__main__":
    run_stage("quantum")
