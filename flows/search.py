"""Search for small students that keep what the trained model can do.

python -m flows.search        # this stage alone; `dvc repro search` runs it when stale
"""

from prefect import flow

from flows.stage import run_stage
from provenance import Artifact
from tasks.params.search import SearchParams
from tasks.search.task import search_architectures
from tasks.workspace import Workspace


@flow(name="search")
def search(params: SearchParams, workspace: Workspace) -> Artifact:
    """Train all heads at once, judge them on validation rows, keep the best trade-offs."""
    return search_architectures(params, workspace)


if __name__ == "__main__":
    run_stage("search")
