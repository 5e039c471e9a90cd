"""What a run did, stage by stage: for a terminal, for Prefect, for scripts, for `cairn explain`."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from flows.plan import Plan, StagePlan
from flows.record import last_record, read_json, write_json
from flows.stages import MODEL, STAGES
from provenance import Log
from tasks.params.pipeline import PipelineParams
from tasks.workspace import Workspace

Outcome = Literal["ran", "skipped", "failed", "not reached"]


@dataclass(frozen=True)
class Run:
    """One run of the pipeline.

    Args:
        id: in the records, MLflow tags and file names of what it starts.
        workspace: where.
        plan: what it is about to do, and why.
        params: the `pipeline` section.
    """

    id: str
    workspace: Workspace
    plan: Plan
    params: PipelineParams


@dataclass(frozen=True)
class Row:
    """What became of one stage.

    Args:
        stage: its name.
        outcome: whether it ran.
        why: the reason, in words.
        seconds: how long it took; 0 where it did not run.
        digest: BLAKE3 of its main output as last logged, or "".
        headline: its first figure, such as "accuracy 0.91", or "".
    """

    stage: str
    outcome: Outcome
    why: str
    seconds: float
    digest: str
    headline: str


@dataclass(frozen=True)
class Summary:
    """What became of all of them.

    Args:
        id: of the run.
        ended: when, ISO 8601 in UTC.
        rows: one a stage, in order.
        model: BLAKE3 of the model's file as last logged, or "".
    """

    id: str
    ended: str
    rows: tuple[Row, ...]
    model: str

    @property
    def idle(self) -> bool:
        """Nothing ran, because nothing had to."""
        return all(row.outcome == "skipped" for row in self.rows)

    @property
    def failed(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.outcome == "failed")

    @property
    def seconds(self) -> float:
        return sum(row.seconds for row in self.rows)

    def table(self) -> list[dict[str, str]]:
        """Rows of text, for a table that people read."""
        return [
            {
                "stage": row.stage,
                "": row.outcome,
                "why": row.why,
                "seconds": f"{row.seconds:.1f}" if row.seconds else "",
                "blake3": row.digest[:12],
                "result": row.headline,
            }
            for row in self.rows
        ]

    def values(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def summarise(run: Run) -> Summary:
    """Gather what the stages noted and logged, and keep it for `cairn explain`."""
    logged = last_runs(run.workspace)
    summary = Summary(
        id=run.id,
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=tuple(_rows(run, logged)),
        model=_digest(logged, MODEL),
    )
    write_json(run.workspace.mlruns / "last" / "run.json", summary.values())
    return summary


def last_summary(workspace: Workspace) -> Summary | None:
    """What the last run of the pipeline in this workspace did, or None."""
    values = read_json(workspace.mlruns / "last" / "run.json")
    if values is None:
        return None
    return Summary(**{**values, "rows": tuple(Row(**row) for row in values["rows"])})


def _rows(run: Run, logged: Mapping[str, Mapping[str, Any]]) -> Iterator[Row]:
    shown = {stage.name: stage for stage in STAGES}
    failed = False
    for plan in run.plan.stages:
        outcome, why, seconds = _outcome(run, plan, failed)
        failed = failed or outcome == "failed"
        known = plan.stage in shown and plan.stage in logged
        entry = {plan.stage: logged[plan.stage]} if known else {}
        yield Row(
            stage=plan.stage,
            outcome=outcome,
            why=why,
            seconds=seconds,
            digest=_digest(entry, shown[plan.stage].output) if known else "",
            headline=_headline(logged[plan.stage], shown[plan.stage].figure) if known else "",
        )


def _outcome(run: Run, plan: StagePlan, failed: bool) -> tuple[Outcome, str, float]:
    record = last_record(run.workspace, plan.stage)
    if record is not None and record.pipeline == run.id:
        if record.state == "done":
            return "ran", plan.why, record.seconds
        return "failed", record.failure.message if record.failure else "killed", record.seconds
    if plan.idle:
        return "skipped", plan.why, 0.0
    if failed:
        return "not reached", plan.why, 0.0
    if plan.reasons:
        return "not reached", plan.why, 0.0
    return "skipped", f"what {' and '.join(plan.follows)} made is the same as before", 0.0


def last_runs(workspace: Workspace) -> dict[str, Mapping[str, Any]]:
    """The body of the newest run entry of each stage."""
    if not workspace.provenance.exists():
        return {}
    entries = Log.open(workspace.provenance).entries()
    bodies = (entry.body for entry in entries)
    return {body["stage"]: body for body in bodies if body["kind"] == "run"}


def _digest(logged: Mapping[str, Mapping[str, Any]], path: str) -> str:
    for body in logged.values():
        for artifact in body["artifacts"]:
            if artifact["path"] == path:
                return str(artifact["blake3"])
    return ""


def _headline(body: Mapping[str, Any], figure: str) -> str:
    if figure not in body["metrics"]:
        return ""
    return f"{figure} {float(body['metrics'][figure]):.6g}"
