"""`cairn federate`: how far the rounds are, and other ways to run them on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairn.federate_deploy import deploy
from cairn.federate_simulate import simulate

if TYPE_CHECKING:
    from provenance import Entry

federate_app = typer.Typer(
    name="federate",
    help="Federated rounds: how far they are; in Ray, or between a SuperLink and SuperNodes.",
    no_args_is_help=True,
    add_completion=False,
)
federate_app.command()(deploy)
federate_app.command()(simulate)


@federate_app.command()
def status(
    rounds: Annotated[int, typer.Option(help="Rounds to list, the newest ones.", min=1)] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print all rounds as JSON.")] = False,
) -> None:
    """How far the newest run is, who took part, what was spent, what went wrong.

    Read from the provenance log alone: each round has an entry that names its file, every client's
    update by digest, and its weight.
    """
    from cairn.console import print_json, print_table
    from tasks.environment import prepare
    from tasks.federate.status import newest_run
    from tasks.workspace import Workspace

    prepare()
    found = newest_run(Workspace.here())
    if json:
        print_json({"state": found.state, "rounds": [entry.body for entry in found.rounds]})
        return
    print_table([_line(entry) for entry in found.rounds[-rounds:]], "federated rounds")
    last = found.rounds[-1].body
    print(
        f"in round {last['round']['number']}: {', '.join(one['client'] for one in last['clients'])}"
    )
    for event in last["events"]:
        print(event)
    print(found.state)


@federate_app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="New folder, or an empty one.")],
) -> None:
    """Write what a deployment of this project's own data needs: a plan, weights, parts of the data.

    `cairn federate deploy --federation FOLDER` runs it between processes, and `simulate` in Ray;
    docs/federated-deployment.md says which of its folders goes to which host.
    """
    from services.federation.federation import write_federation
    from services.federation.multimodal import multimodal_partition
    from tasks.environment import prepare
    from tasks.errors import InputError
    from tasks.federate.export import prepared
    from tasks.params import load_params
    from tasks.workspace import Workspace

    prepare()
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty: give a new folder")
    workspace = Workspace.here()
    params = load_params(workspace.params_file)
    found = prepared(workspace, params.federate, params.train)
    parts = [
        multimodal_partition(client, found.source.spec, found.source.names)
        for client in found.clients
    ]
    write_federation(folder, found.plan, found.initial, parts)
    names = ", ".join(client.name for client in found.clients)
    print(f"{folder}: {len(parts)} partitions ({names})")
    print(f"cairn federate deploy --federation {folder}")
    print(f"cairn federate simulate --federation {folder}")


def _line(entry: "Entry") -> dict[str, str]:
    body = entry.body
    privacy = body.get("privacy")
    return {
        "round": f"{body['round']['number']} of {body['round']['of']}",
        "entry": str(entry.seq),
        "clients": str(len(body["clients"])),
        "MB up": f"{body['traffic']['up'] / 1e6:.1f}",
        "MB down": f"{body['traffic']['down'] / 1e6:.1f}",
        "epsilon": f"{float(privacy['epsilon']):.3g}" if privacy else "",
        "weights": body["artifacts"][0]["blake3"][:12],
        "events": str(len(body["events"])),
    }
