"""The compress stage: carry out the recipes, measure every step, ship what keeps to its budget."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from provenance import Artifact
from tasks.compress.bench import Bench
from tasks.compress.engine import carry_out, check_recipe
from tasks.compress.family import Member, decide
from tasks.compress.figures import trade_offs
from tasks.compress.folder import json_bytes, write
from tasks.compress.front import read_front
from tasks.compress.judge import Judge
from tasks.compress.machine import machine_class
from tasks.compress.objects import Objects
from tasks.compress.prepared import Prepared
from tasks.compress.row import markdown
from tasks.compress.rows import Rows
from tasks.compress.source import read_source
from tasks.errors import CheckFailed
from tasks.params.compress import CompressParams
from tasks.params.train import TrainParams
from tasks.tracked import TrackedRun, tracked_run
from tasks.workspace import Workspace

FAMILY = "family.json"
ROWS = "rows.json"


@task(cache_policy=NO_CACHE)  # no retry: a missed target is missed again
def compress_model(params: CompressParams, train: TrainParams, workspace: Workspace) -> Artifact:
    """Compress the trained model into a family.

    Args:
        params: recipes and budgets.
        train: resamples and seed of the evaluation on test clips.
        workspace: where everything lives.

    Returns:
        the folder `family`: one folder a member that ships, and family.json, which says who does
        not, and why.

    Raises:
        OrderError: a recipe's steps cannot follow each other; before anything is done.
        CheckFailed: a required member misses its budget; names the closest point found.
        InputError, TamperedError: something upstream is missing or was changed.
    """
    for _, level in params.levels:
        check_recipe(level)
    source = read_source(workspace)
    front, found = read_front(workspace)
    inputs = [*source.inputs, *found]
    with tracked_run("compress", params, inputs=inputs, workspace=workspace) as run:
        prepared = Prepared(source)
        bench = Bench(source, prepared, Judge(prepared), front, params, machine_class())
        rows = Rows(bench, Objects(workspace.mlruns / "compress"), workspace, run)
        rows.teacher()
        carried = {
            name: carry_out(name, level, bench, partial(rows.step, name))
            for name, level in params.levels
        }
        members = decide(carried, rows, bench, train)
        _refuse(members)
        _tell(run, members, rows)
        return _publish(run, workspace, members, rows)


def _refuse(members: Sequence[Member]) -> None:
    missing = [m for m in members if m.refusal is not None and m.budget.required]
    if missing:
        raise CheckFailed(
            "\n".join(
                f"{member.name} is required (`compress.family.{member.name}`): {member.refusal}"
                for member in missing
            )
        )


def _tell(run: TrackedRun, members: Sequence[Member], rows: Rows) -> None:
    shipped = {m.name: m.point for m in members if m.refusal is None and m.point is not None}
    run.summary({"members": len(shipped)})
    run.picture("compression.png", trade_offs(rows.points(), shipped))
    run.page("compression.md", markdown([noted.row for noted in rows.noted]))
    for member in members:
        run.tag(f"family.{member.name}", member.refusal or f"ships level {member.level}")


def _publish(
    run: TrackedRun, workspace: Workspace, members: Sequence[Member], rows: Rows
) -> Artifact:
    folder = workspace.stage("compress")
    told = {"members": {member.name: member.plain() for member in members}}
    noted = {"rows": [found.plain() for found in rows.noted]}

    def family(path: Path) -> None:
        path.mkdir()
        write_json(path / FAMILY, told)
        for member in members:
            if member.refusal is None:
                write(member.files, path / member.name)

    run.publish(folder / ROWS, lambda path: write_json(path, noted))
    return run.publish(folder / "family", family)


def write_json(path: Path, plain: Mapping[str, Any]) -> None:
    """JSON into a file."""
    path.write_bytes(json_bytes(dict(plain)))
