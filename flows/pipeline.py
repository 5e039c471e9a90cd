"""ingest, validate, train, search, compress, federate, quantum, release: data to verified model.

Which of them run is for DVC to say (dvc.yaml, dvc.lock); when, how often and who is told is said
here.
"""

from typing import Any

from prefect import Task, flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext

from flows.hooks import log_failure, tell_completed, tell_failed
from flows.repro import StageFailed, repro
from flows.summary import Run, Summary, summarise
from tasks.progress import say


@flow(
    name="pipeline",
    flow_run_name="pipeline-{run.id}",
    on_completion=[tell_completed],
    on_failure=[log_failure, tell_failed],
)
def pipeline(run: Run) -> Summary:
    """Run what is stale, again if that may help; report in any case; fail if a stage failed."""
    outcome = patient(reproduce, run)(run, return_state=True)
    summary = report(run)
    outcome.result()
    return summary


@task(cache_policy=NO_CACHE)
def reproduce(run: Run) -> None:
    """Let DVC run the stages that are stale, in the order of dvc.yaml."""
    try:
        repro(run.workspace, run.plan, run.id, run.params.stop_seconds)
    except StageFailed as error:
        _tell_attempt(run, error)
        raise


@task(cache_policy=NO_CACHE)
def report(run: Run) -> Summary:
    """Put the summary where people look: in Prefect's UI."""
    summary = summarise(run)
    create_table_artifact(
        key="summary", table=summary.table(), description=f"Run {run.id}, model {summary.model}"
    )
    return summary


def patient(step: Task[[Run], None], run: Run) -> Task[[Run], None]:
    """The step with the retries that params.yaml wants, for failures that may pass."""
    waits = list(run.params.retry_seconds)
    return step.with_options(
        retries=len(waits), retry_delay_seconds=waits, retry_condition_fn=may_pass
    )


def may_pass(_task: object, _task_run: object, state: Any) -> bool:
    """Whether trying again can help: with a network or a database, not with a gate or a setting."""
    try:
        state.result()
    except StageFailed as error:
        return error.failure.passing
    except Exception:
        return False
    return False


def _tell_attempt(run: Run, error: StageFailed) -> None:
    context = TaskRunContext.get()
    attempt = context.task_run.run_count if context else 1
    waits = run.params.retry_seconds
    if error.failure.passing and attempt <= len(waits):
        say(f"cairn: {error}")
        say(f"cairn: trying again in {waits[attempt - 1]:g} s ({attempt} of {len(waits)})")
