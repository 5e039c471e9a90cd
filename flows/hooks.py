"""What happens when a run of the pipeline ends, by Prefect's state hooks."""

from datetime import datetime
from typing import Any, Literal

from flows.notify import notify
from flows.record import last_record
from flows.summary import Summary, last_summary
from provenance import Log
from tasks.entry import failure_body
from tasks.params import load_params
from tasks.progress import say
from tasks.recovery import recover
from tasks.workspace import Workspace


def log_failure(flow: object, flow_run: object, state: Any) -> None:  # noqa: ARG001  # Prefect names them
    """See to it that the failure is in the log: a killed stage could not write it itself."""
    workspace = Workspace.here()
    summary = last_summary(workspace)
    if summary is None:
        return
    try:
        recover(workspace)
        _log(workspace, summary, str(state.message))
    except Exception as error:
        # Prefect would note it in its own log only; what failed in the first place comes first.
        say(f"cairn: the failure could not be logged ({error})")


def tell_failed(flow: object, flow_run: object, state: object) -> None:  # noqa: ARG001  # as above
    """Notify, if wanted, that the run failed."""
    _tell("failed")


def tell_completed(flow: object, flow_run: object, state: object) -> None:  # noqa: ARG001  # as above
    """Notify, if wanted, that the run is done."""
    _tell("completed")


def _log(workspace: Workspace, summary: Summary, message: str) -> None:
    log = Log.open(workspace.provenance)
    if not summary.failed:
        log.append(failure_body("pipeline", summary.id, message))
    for row in summary.failed:
        record = last_record(workspace, row.stage)
        since = datetime.fromisoformat(record.started if record else summary.ended)
        if not _is_logged(log, row.stage, since):
            error = f"{record.failure.error}: " if record and record.failure else ""
            name = f"{summary.id}-{row.stage}"
            log.append(failure_body(row.stage, name, f"{error}{row.why}"))


def _is_logged(log: Log, stage: str, since: datetime) -> bool:
    return any(
        entry.body["kind"] == "failure"
        and entry.body["stage"] == stage
        and datetime.fromisoformat(entry.body["ts"]) >= since
        for entry in log.entries()
    )


def _tell(status: Literal["completed", "failed"]) -> None:
    workspace = Workspace.here()
    summary = last_summary(workspace)
    if summary is not None:
        notify(status, summary, load_params(workspace.params_file).pipeline)
