"""Before anything runs: is what earlier stages left on disk still what they made?

DVC would see changed bytes too, and quietly run the stage again. That hides a tampered file; so we
ask the log first, and a person decides.
"""

from flows.plan import Plan
from provenance import Log
from tasks.upstream import upstream
from tasks.workspace import Workspace


def refuse_tampered(workspace: Workspace, plan: Plan) -> None:
    """Compare every output on disk with the log, but not what the forced stage will replace.

    Raises:
        TamperedError: an output has bytes that no run has logged; says how to make it anew.
    """
    if not workspace.provenance.exists():
        return
    log = Log.open(workspace.provenance)
    for stage in plan.stages:
        for out in stage.outs:
            path = workspace.root / out
            if stage.stage != plan.force and path.exists() and log.newest(out) is not None:
                upstream(workspace, path)
