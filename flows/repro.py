"""Run `dvc repro` as a child: what it prints streams through, a stop reaches all of its stages."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flows.plan import Plan
from flows.processes import stop_group
from flows.record import Failure, last_record
from tasks.environment import QUIET
from tasks.errors import CairnError
from tasks.tracked import PIPELINE
from tasks.workspace import Workspace

STDERR = 2
"""File descriptor of standard error."""


class StageFailed(CairnError):
    """A stage of the pipeline failed.

    Args:
        stage: its name.
        failure: what it noted about it.
    """

    def __init__(self, stage: str, failure: Failure) -> None:
        super().__init__(f"stage {stage}: {failure.message}")
        self.stage = stage
        self.failure = failure
        self.exit_code = failure.exit_code

    def __reduce__(self) -> tuple[object, ...]:
        return StageFailed, (self.stage, self.failure)


def repro(workspace: Workspace, plan: Plan, pipeline: str, stop_seconds: float) -> None:
    """Let DVC run what is stale.

    Never from its run cache: outputs that come back without our code running would have neither an
    MLflow run nor an entry in the log.

    Args:
        workspace: where dvc.yaml is.
        plan: what was decided; says which stage to force.
        pipeline: id of this run; stages put it into their records and tags.
        stop_seconds: how long stages may take to clean up when this process is told to stop.

    Raises:
        StageFailed: a stage failed or was killed.
        CairnError: DVC itself failed.
    """
    for arguments in _calls(plan):
        code = _call(workspace, ["repro", "--no-run-cache", *arguments], pipeline, stop_seconds)
        if code:
            raise _failure(workspace, plan, pipeline, code)


def _calls(plan: Plan) -> Iterator[Sequence[str]]:
    """Arguments of `dvc repro`: its --force would also force all that comes before the stage."""
    if plan.force is not None:
        names = [stage.stage for stage in plan.stages]
        if before := names[: names.index(plan.force)]:
            yield before
        yield ["--force", "--single-item", plan.force]
    yield []


def _call(
    workspace: Workspace, arguments: Sequence[str], pipeline: str, stop_seconds: float
) -> int:
    # A session of its own, so that one signal reaches DVC, its shell and the stage, and Ctrl-C in
    # a terminal reaches them through us alone. Their standard output is our standard error: ours
    # is for results.
    child = subprocess.Popen(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=workspace.root,
        env=stage_environment(pipeline),
        stdin=subprocess.DEVNULL,
        stdout=STDERR,
        start_new_session=True,
    )
    try:
        return child.wait()
    except BaseException:
        stop_group(child.pid, stop_seconds)
        child.wait()
        raise


def stage_environment(pipeline: str) -> Mapping[str, str]:
    """The variables that stages get: this interpreter first, no telemetry, the run's id."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**QUIET, **os.environ, "PATH": path, PIPELINE: pipeline, "PYTHONUNBUFFERED": "1"}


def _failure(workspace: Workspace, plan: Plan, pipeline: str, code: int) -> CairnError:
    for stage in plan.stages:
        record = last_record(workspace, stage.stage)
        if record is None or record.pipeline != pipeline or record.state == "done":
            continue
        killed = Failure(
            error="Killed",
            message="killed before it could say why; was there enough memory? `cairn run` goes on "
            "from where it stopped",
            exit_code=1,
            passing=False,
        )
        return StageFailed(stage.stage, record.failure or killed)
    return CairnError(f"dvc repro ended with exit code {code}; its message is above")
