"""`cairn quantum`: the verdict, a dry run on a device, and algorithms to look at."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cairn.quantum_demo import demo
from cairn.quantum_dry_run import dry_run

quantum_app = typer.Typer(
    name="quantum",
    help="The quantum head: whether it helps, what it would cost; and algorithms to look at.",
    no_args_is_help=True,
    add_completion=False,
)
quantum_app.command()(demo)
quantum_app.command("dry-run")(dry_run)


@quantum_app.command()
def verdict(
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Whether the quantum head helped, against whom, and how sure that is."""
    from cairn.console import print_json, print_table
    from tasks.environment import prepare
    from tasks.upstream import upstream
    from tasks.workspace import Workspace

    prepare()
    workspace = Workspace.here()
    told = _read(upstream(workspace, workspace.stage("quantum") / "verdict.json").verified())
    if json:
        print_json(told)
        return
    print_table([_line(one) for one in told["contrasts"]], "the quantum head minus each opponent")
    print(told["sentence"])


def _line(contrast: dict[str, Any]) -> dict[str, str]:
    points, low, high = (100 * contrast[name] for name in ("difference", "low", "high"))
    return {
        "against": contrast["against"],
        "role": contrast["role"],
        "points": f"{points:+.1f}",
        "95%": f"{low:.1f} to {high:.1f}",
        "p": f"{contrast['p_value']:.3g}",
        "p, Holm": f"{contrast['adjusted']:.3g}",
    }


def _read(path: Path) -> dict[str, Any]:
    import json

    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
