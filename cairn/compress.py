"""`cairn compress`: what the family costs, or a deployable for limits of your own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tasks.workspace import Workspace

TRIES = 3


def compress(
    budget: Annotated[
        str | None, typer.Option(help="Largest size of the files, such as 8MB.", metavar="SIZE")
    ] = None,
    latency: Annotated[
        str | None,
        typer.Option(help="Longest answer on one thread, such as 5ms.", metavar="TIME"),
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="Most memory of the process, such as 120MB.", metavar="SIZE")
    ] = None,
    max_drop: Annotated[
        float, typer.Option(help="Relative loss of quality allowed, 0 to 1.", min=0.0, max=1.0)
    ] = 0.05,
    output: Annotated[Path, typer.Option(help="New folder for the deployable.")] = Path(
        "deployables/picked"
    ),
    tries: Annotated[
        int, typer.Option(help="Recipes to try where nothing measured will do.", min=0)
    ] = TRIES,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Show the compressed family, or pick a deployable that keeps to your limits.

    With --budget, --latency or --memory it takes the measured deployable that loses least, or
    searches on. Exit code 1 and the closest point found where nothing keeps to the limits.
    """
    from cairn.console import print_json
    from tasks.compress.targets import Targets, describe, duration, size
    from tasks.environment import prepare
    from tasks.params import load_params
    from tasks.workspace import Workspace

    prepare()
    limits = Targets(
        bytes=size(budget) if budget else None,
        latency_ms=duration(latency) if latency else None,
        memory_bytes=size(memory) if memory else None,
        max_drop=max_drop,
    )
    workspace = Workspace.here()
    if not (budget or latency or memory):
        _show(workspace, json)
        return
    from tasks.compress.pick import pick

    params = load_params(workspace.params_file)
    place = (workspace.root / output).resolve()
    found = pick(workspace, params.compress, limits, output=place, tries=tries)
    if json:
        print_json(
            {
                **found.point.plain(),
                "folder": workspace.relative(place),
                "blake3": found.folder.digest,
                "tried": found.tried,
            }
        )
        return
    print(f"{found.point.name}: {describe(found.point)}")
    print(f"{workspace.relative(place)}, blake3 {found.folder.digest}")


def _show(workspace: "Workspace", json: bool) -> None:
    """The family, as the last compress stage left it."""
    from json import loads

    from cairn.console import print_json, print_table
    from tasks.compress.targets import Point, describe
    from tasks.upstream import upstream

    family = upstream(workspace, workspace.stage("compress") / "family")
    members = loads((family.path / "family.json").read_bytes())["members"]
    if json:
        print_json(members)
        return
    lines = [
        {
            "member": name,
            "alias": f"champion-{told['alias']}",
            "ships": told["level"] or "nothing",
            "what": describe(Point(**told["point"])) if told["shipped"] else told["refusal"],
        }
        for name, told in members.items()
    ]
    print_table(lines, "the compressed family, on test clips")
