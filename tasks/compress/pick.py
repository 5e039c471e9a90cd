"""A deployable for limits given by hand: one that was measured already, or one searched for now."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from provenance import Artifact
from provenance.releases import WEIGHTS
from tasks.compress.bench import Bench
from tasks.compress.card import CARD, card
from tasks.compress.engine import carry_out
from tasks.compress.folder import json_bytes, write
from tasks.compress.front import Front, read_front
from tasks.compress.judge import Judge
from tasks.compress.machine import Machine, gate, machine_class
from tasks.compress.objects import Objects
from tasks.compress.prepared import Prepared
from tasks.compress.rows import Noted, Rows
from tasks.compress.source import read_source
from tasks.compress.targets import Point, Targets
from tasks.errors import CheckFailed, InputError
from tasks.params.compress import CompressParams, LevelParams
from tasks.progress import say
from tasks.tracked import TrackedRun, tracked_run
from tasks.upstream import upstream
from tasks.workspace import Workspace

ROWS = "rows.json"
ROOM = 1.05
"""What a recipe makes of a choice differs from what the search counted: choices this far beyond
the limits are tried too."""


@dataclass(frozen=True)
class Picked:
    """What was found.

    Args:
        point: what it costs and loses.
        folder: where it lies.
        tried: recipes that were carried out to find it; 0 where it was there already.
    """

    point: Point
    folder: Artifact
    tried: int


def pick(
    workspace: Workspace, params: CompressParams, limits: Targets, *, output: Path, tries: int
) -> Picked:
    """Find a deployable that keeps to the limits and put it into a folder.

    Args:
        workspace: in which the compress stage has run.
        params: `compress` of params.yaml.
        limits: what it may cost.
        output: new folder, inside the workspace.
        tries: recipes to carry out at most, where nothing that is there will do.

    Raises:
        CheckFailed: nothing keeps to the limits; names the closest point found.
        InputError: the compress stage has not run, or the folder cannot be made.
    """
    if output.exists():
        raise InputError(f"{output} exists already: give another --output, or remove it")
    if not output.is_relative_to(workspace.root):
        raise InputError(
            f"{output} lies outside {workspace.root}: the log knows only what is inside; give an "
            "--output in it"
        )
    listing = upstream(workspace, workspace.stage("compress") / ROWS)
    teacher = upstream(workspace, workspace.stage("train") / WEIGHTS)
    noted = [Noted.of(found) for found in json.loads(listing.verified().read_bytes())["rows"]]
    known = _comparable([found for found in noted if found.deployable], machine_class())
    points = [found.point for found in known]
    store = Objects(workspace.mlruns / "compress")
    chosen = limits.best(points)
    front, read = read_front(workspace)
    inputs = [listing, teacher, *read]
    with tracked_run("deploy", params, inputs=inputs, workspace=workspace) as run:
        tried = 0
        if chosen is None:
            say(f"nothing that was measured keeps to {limits}: searching on")
            chosen, more, tried = _search_on(workspace, params, limits, run, front, tries)
            noted += more
            points += [found.point for found in more if found.deployable]
        if chosen is None:
            raise CheckFailed(limits.refusal(points))
        files = store.take(chosen.digest)
        folder = _publish(run, output, files, chosen, _steps(noted, chosen), teacher.digest)
    return Picked(chosen, folder, tried)


def _comparable(noted: Sequence[Noted], here: Machine) -> list[Noted]:
    """Rows measured on this class of machine; of others a person is told."""
    kept = []
    for found in noted:
        reason = gate(found.row.machine, here)
        if reason is None:
            kept.append(found)
    if len(kept) < len(noted):
        say(f"{len(noted) - len(kept)} rows were measured on another class of machine: left out")
    return kept


def _search_on(
    workspace: Workspace,
    params: CompressParams,
    limits: Targets,
    run: TrackedRun,
    front: Front,
    tries: int,
) -> tuple[Point | None, list[Noted], int]:
    """A point that keeps to the limits, every step that was measured on the way, recipes tried."""
    source = read_source(workspace)
    prepared = Prepared(source)
    tried, noted = 0, list[Noted]()
    for choice in front.within(limits.bytes, limits.max_drop, room=ROOM)[:tries]:
        tried += 1
        only = Front([choice], front.tensors)
        bench = Bench(source, prepared, Judge(prepared), only, params, machine_class())
        rows = Rows(bench, Objects(workspace.mlruns / "compress"), workspace, run)
        name = f"try {tried}"
        made = carry_out(name, _recipe(limits), bench, partial(rows.step, name))
        noted += rows.noted
        if made.state.exported and not limits.misses(rows.noted[-1].point):
            return rows.noted[-1].point, noted, tried
    return None, noted, tried


def _steps(noted: Sequence[Noted], chosen: Point) -> list[Noted]:
    """The steps of a recipe that led to a point, itself the last."""
    last = next(found for found in noted if found.deployable and found.point == chosen)
    own = [found for found in noted if found.level == last.level and found.number < last.number]
    return [*(found for found in own if found.kept), last]


def _recipe(limits: Targets) -> LevelParams:
    """What is done to a choice: integers everywhere, tables in 4 bits where bytes are short."""
    views = ["image", "caption", "text", "audio"]
    return LevelParams.model_validate(
        {
            "max_drop": min(1.0, max(limits.max_drop * 2, 0.1)),
            "steps": [
                {"technique": "architecture", "max_loss": 1.0},
                {"technique": "onnx", "views": views},
                {"technique": "ort_dynamic_int8", "views": views, "embedding_bits": 4},
            ],
        }
    )


def _publish(
    run: TrackedRun,
    output: Path,
    files: dict[str, bytes],
    chosen: Point,
    steps: Sequence[Noted],
    teacher: str,
) -> Artifact:
    deployed = {name: data for name, data in files.items() if not name.endswith(".safetensors")}
    told = card(
        name=output.name,
        budget=None,
        level=chosen.name,
        recipe=steps,
        measured={"point": chosen.plain()},
        teacher=teacher,
        notes=steps[-1].notes,
        files=deployed,
    )
    return run.publish(output, lambda path: write({**deployed, CARD: json_bytes(told)}, path))
