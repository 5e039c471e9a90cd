"""`cairn federate`: how far the rounds are, and a real deployment on this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from cairn.federate_deploy import deploy

if TYPE_CHECKING:
    from provenance import Entry

federate_app = typer.Typer(
    name="federate",
    help="Federated rounds: how far they are, and a deployment with SuperLink and SuperNodes.",
    no_args_is_help=True,
    add_completion=False,
)
federate_app.command()(deploy)


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
    print(found.state)


def _line(entry: "Entry") -> dict[str, str]:
    body = entry.body
    privacy = body.get("privacy")
    return {
        "round": f"{body['round']['number']} of {body['round']['of']}",
        "entry": str(entry.seq),
        "clients": str(len(body["clients"])),
        "who": ", ".join(part["client"] for part in body["clients"][:12]),
        "MB up": f"{body['traffic']['up'] / 1e6:.1f}",
        "MB down": f"{body['traffic']['down'] / 1e6:.1f}",
        "epsilon": f"{float(privacy['epsilon']):.3g}" if privacy else "",
        "weights": body["artifacts"][0]["blake3"][:12],
        "events": str(len(body["events"])),
    }
