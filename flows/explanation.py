"""Why each stage ran or was skipped last time, and what would happen now."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flows.plan import Plan, Reason, make_plan
from flows.record import last_record
from flows.summary import Row, last_runs, last_summary
from tasks.environment import environment
from tasks.workspace import Workspace


@dataclass(frozen=True)
class Explanation:
    """One stage, then and now.

    Args:
        stage: its name.
        last: what became of it in the last run of the pipeline, or None.
        alone: when it ran by itself after that, such as by `dvc repro`; "" if it did not.
        runs_now: whether it would run now.
        why: the reasons for that, in one line.
        reasons: the same, one by one.
        follows: stages that would run before it and make what it reads.
        drift: how the environment differs from the one it ran in. DVC does not look at that, apart
            from the lock files that dvc.yaml names.
    """

    stage: str
    last: Row | None
    alone: str
    runs_now: bool
    why: str
    reasons: tuple[Reason, ...]
    follows: tuple[str, ...]
    drift: tuple[Reason, ...]

    def values(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def explanations(workspace: Workspace, stage: str | None = None) -> tuple[Explanation, ...]:
    """Explain one stage or all of them.

    Raises:
        InputError: there is no such stage, or DVC cannot read the workspace.
        BusyError: another DVC command is at work.
    """
    plan = make_plan(workspace)
    if stage is not None:
        plan = Plan((plan.of(stage),))
    return tuple(_explain(workspace, plan))


def _explain(workspace: Workspace, plan: Plan) -> Iterator[Explanation]:
    summary = last_summary(workspace)
    rows = {row.stage: row for row in summary.rows} if summary else {}
    logged = last_runs(workspace)
    here = environment(workspace)
    for stage in plan.stages:
        record = last_record(workspace, stage.stage)
        yield Explanation(
            stage=stage.stage,
            last=rows.get(stage.stage),
            alone=record.started if record is not None and not record.pipeline else "",
            runs_now=not stage.idle,
            why=stage.why,
            reasons=stage.reasons,
            follows=stage.follows,
            drift=tuple(_drift(logged[stage.stage]["env"], here)) if stage.stage in logged else (),
        )


def _drift(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Reason]:
    for name in sorted(then.keys() | now.keys()):
        old, new = then.get(name), now.get(name)
        if old != new:
            yield Reason("environment", name, _short(old), _short(new))


def _short(value: str | None) -> str:
    """Digests by their first digits; everything else whole."""
    if value is None:
        return "absent"
    return f"blake3 {value[:8]}" if len(value) == 64 else value
