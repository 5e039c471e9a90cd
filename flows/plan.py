"""Which stages would run, and why: DVC's verdict, in words that name what changed.

DVC alone decides what is stale. This file asks it, and says what it knows but does not tell:
the old and the new digest, the old and the new value, and which stages follow from others.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tasks.environment import prepare
from tasks.errors import BusyError, InputError
from tasks.flat import leaves
from tasks.workspace import Workspace

Kind = Literal["data", "parameter", "code", "environment", "command", "output", "forced", "new"]

MISSING = "missing"
LOCK_FILES = ("requirements.lock", "requirements-nodeps.lock")


@dataclass(frozen=True)
class Reason:
    """One thing that differs from the last time a stage ran.

    Args:
        kind: what sort of thing it is.
        what: its name: a path, a parameter's dotted name.
        old: digest or value of then, or None.
        new: digest or value of now, or None; of an output DVC's word for it, such as "deleted".
    """

    kind: Kind
    what: str
    old: str | None = None
    new: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case "forced":
                return "forced"
            case "new":
                return "never ran here"
            case "command":
                return "its command changed"
            case "output":
                return f"output {self.what} is {self.new}"
        change = "" if self.old is None and self.new is None else f": {self.old} -> {self.new}"
        return f"{self.kind} {self.what}{change}"


@dataclass(frozen=True)
class StagePlan:
    """What DVC would do with one stage.

    Args:
        stage: its name.
        outs: paths it makes, relative to the workspace.
        reasons: why it is stale; empty when nothing it reads has changed so far.
        follows: stages that run before it and make what it reads.
    """

    stage: str
    outs: tuple[str, ...]
    reasons: tuple[Reason, ...] = ()
    follows: tuple[str, ...] = ()

    @property
    def idle(self) -> bool:
        """Nothing to do: neither stale nor behind a stage that is."""
        return not self.reasons and not self.follows

    @property
    def why(self) -> str:
        """The reasons in one line."""
        words = [str(reason) for reason in self.reasons]
        if self.follows:
            words.append(f"reads what {' and '.join(self.follows)} makes")
        return "; ".join(words) or "nothing it reads has changed"


@dataclass(frozen=True)
class Plan:
    """What a run would do now.

    Args:
        stages: in the order in which DVC runs them.
        force: the stage that runs though nothing changed, or None.
    """

    stages: tuple[StagePlan, ...]
    force: str | None = None

    @property
    def idle(self) -> bool:
        """Everything is up to date."""
        return all(stage.idle for stage in self.stages)

    def of(self, stage: str) -> StagePlan:
        """The plan of one stage.

        Raises:
            InputError: there is no such stage.
        """
        for plan in self.stages:
            if plan.stage == stage:
                return plan
        names = ", ".join(plan.stage for plan in self.stages)
        raise InputError(f"there is no stage {stage!r} in dvc.yaml; stages are: {names}")


def make_plan(workspace: Workspace, force: str | None = None) -> Plan:
    """Ask DVC what is stale, and why.

    Args:
        workspace: where dvc.yaml is.
        force: a stage to run in any case.

    Raises:
        InputError: no such stage, no or a wrong dvc.yaml, no DVC repository.
        BusyError: another DVC command holds the repository.
    """
    prepare()
    # Imported here: it costs half a second, and reads the variables set above.
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo

    if not (workspace.root / ".dvc").is_dir():
        raise InputError(f"{workspace.root} is no DVC repository: run `dvc init` in it once")
    try:
        with Repo(str(workspace.root)) as repo:
            repo.index.check_graph()
            status = repo.status()
            stages = _in_order(list(repo.index.stages))
            plan = Plan(tuple(_plan(stages, status, force)), force)
    except LockError:
        raise BusyError(
            f"another DVC command is at work in {workspace.root}: wait for it to end"
        ) from None
    except DvcException as error:
        raise InputError(f"dvc: {' '.join(str(error).split())}") from error
    if force is not None:
        plan.of(force)
    return plan


def _in_order(stages: list[Any]) -> list[Any]:
    """DVC's stages such that each comes after those whose outputs it reads."""
    ordered: list[Any] = []
    waiting = stages
    while waiting:
        makes = {out.def_path for stage in waiting for out in stage.outs}
        ready = [stage for stage in waiting if not _reads(stage, makes)]
        ordered += ready
        waiting = [stage for stage in waiting if stage not in ready]
    return ordered


def _reads(stage: Any, paths: set[str]) -> bool:
    return any(_within(dep.def_path, path) for dep in stage.deps for path in paths)


def _within(path: str, other: str) -> bool:
    """Whether one of two paths lies in the other, or both are the same."""
    one, two = Path(path), Path(other)
    return one.is_relative_to(two) or two.is_relative_to(one)


def _plan(
    stages: Sequence[Any], status: Mapping[str, Any], force: str | None
) -> Iterator[StagePlan]:
    running: dict[str, set[str]] = {}
    made = {out.def_path for stage in stages for out in stage.outs}
    for stage in stages:
        name = _name(stage)
        # DVC's keys depend on the folder that the process is in.
        changes = status.get(stage.addressing, ())
        reasons = tuple(_reasons(stage, changes, made)) if changes else ()
        if name == force:
            reasons = (Reason("forced", name), *reasons)
        follows = tuple(earlier for earlier, made_by in running.items() if _reads(stage, made_by))
        if follows:
            reasons = tuple(reason for reason in reasons if not _awaited(reason))
        outs = {out.def_path for out in stage.outs}
        plan = StagePlan(name, tuple(out.def_path for out in stage.outs), reasons, follows)
        if not plan.idle:
            running[name] = outs
        yield plan


def _reasons(stage: Any, changes: Sequence[Any], made: set[str]) -> Iterator[Reason]:
    """DVC's status of one stage, with digests and values of then and now."""
    if all(not dep.hash_info for dep in stage.deps):
        yield Reason("new", _name(stage))
        return
    deps = {str(dep): dep for dep in stage.deps}
    outs = {str(out): out.def_path for out in stage.outs}
    for change in changes:
        if not isinstance(change, Mapping):
            yield Reason("command", _name(stage))
            continue
        for key, what in change.get("changed deps", {}).items():
            dep = deps[key]
            if isinstance(what, Mapping):
                yield from _parameters(dep)
            else:
                kind = _kind(dep.def_path, made)
                yield Reason(kind, dep.def_path, _digest(dep.hash_info), _now(dep))
        for key, what in change.get("changed outs", {}).items():
            yield Reason("output", outs[key], None, what)


def _awaited(reason: Reason) -> bool:
    """What an earlier stage is about to make is no reason of its own for being absent."""
    return reason.kind == "data" and reason.new == MISSING


def _name(stage: Any) -> str:
    """A stage of dvc.yaml by its name, a tracked file by its .dvc file."""
    return str(getattr(stage, "name", None) or stage.path_in_repo)


def _kind(path: str, made: set[str]) -> Kind:
    if path in LOCK_FILES:
        return "environment"
    if path.startswith("data/") or any(_within(path, out) for out in made):
        return "data"
    return "code"


def _digest(info: Any) -> str:
    """First hex digits of DVC's digest; "absent" where DVC never recorded one."""
    return f"md5 {info.value[:8]}" if info else "absent"


def _now(dep: Any) -> str:
    return _digest(dep.get_hash()) if dep.exists else MISSING


def _parameters(dep: Any) -> Iterator[Reason]:
    """Every single value that differs, by its dotted name."""
    then, now = leaves(dep.hash_info.value or {}), leaves(dep.read_params())
    for name in sorted(then.keys() | now.keys()):
        old, new = then.get(name, "absent"), now.get(name, "absent")
        if old != new:
            yield Reason("parameter", name, str(old), str(new))
