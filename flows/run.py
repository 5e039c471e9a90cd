"""One run of the pipeline, from a command line or from a schedule.

Prefect is imported only when there is something to do: saying "up to date" shall take seconds.
"""

import os
import uuid

from flows.api import API, prefect_api
from flows.plan import make_plan
from flows.preflight import refuse_tampered
from flows.quiet import quiet_console
from flows.summary import Run, Summary, summarise
from tasks.anchoring import anchor_later
from tasks.environment import prepare
from tasks.lock import workspace_lock
from tasks.params import load_params
from tasks.recovery import recover
from tasks.workspace import Workspace


def run_pipeline(workspace: Workspace, command: str, force: str | None = None) -> Summary:
    """Run what is stale.

    Args:
        workspace: where.
        command: what the user started; told to whoever finds the workspace busy.
        force: a stage to run in any case.

    Raises:
        InputError: params.yaml, dvc.yaml, `force` or PREFECT_API_URL is wrong.
        BusyError: another run is at work.
        TamperedError: an output is not what was logged.
        StageFailed: a stage failed.
    """
    prepare()
    settings = load_params(workspace.params_file)
    params = settings.pipeline
    with workspace_lock(workspace, command):
        recover(workspace)
        plan = make_plan(workspace, force)
        refuse_tampered(workspace, plan)
        run = Run(uuid.uuid4().hex[:12], workspace, plan, params)
        try:
            if plan.idle and API not in os.environ:
                return summarise(run)
            with prefect_api(workspace, params.api_startup_seconds):
                return _in_prefect(run)
        finally:  # a failure is an entry too; and what could not be anchored before is tried again
            anchor_later(workspace, settings.anchor)


def _in_prefect(run: Run) -> Summary:
    from flows.pipeline import pipeline

    quiet_console()
    return pipeline(run)
