"""`cairn federate deploy`: federated rounds between real processes, over TLS, on this machine."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from services.federation.federation import Federation


def deploy(
    nodes: Annotated[int, typer.Option(help="SuperNodes to start.", min=1)] = 3,
    rounds: Annotated[int, typer.Option(help="Rounds of the trial with digits.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Of the trial with digits.")] = 7,
    federation: Annotated[
        Path | None,
        typer.Option(help="Folder with a plan, weights and a partition a node; else digits."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder of the run; one that was stopped goes on after its last round."),
    ] = None,
) -> None:
    """Start a SuperLink and SuperNodes over TLS, run the rounds, and stop everything.

    Certificates and node keys are made on the spot; ports are free ones of 127.0.0.1. Ctrl-C stops
    all processes; give --output again to go on.
    """
    from services.federation.deployment import Deployment
    from services.federation.journal import DeploymentError
    from services.federation.partitions import PartitionError
    from tasks.environment import prepare
    from tasks.errors import CairnError, InputError
    from tasks.workspace import Workspace

    prepare()
    folder = output or _new_folder(Workspace.here().mlruns)
    try:
        chosen = _federation(folder, federation, nodes, rounds, seed)
        with Deployment(folder, chosen, tell=_tell) as deployment:
            lines = deployment.run()
    except PartitionError as error:
        raise InputError(str(error)) from None
    except DeploymentError as error:
        raise CairnError(str(error)) from None
    print(f"{len(lines)} rounds, weights blake3 {lines[-1]['digest']}")


def _tell(line: str) -> None:
    print(line, flush=True)


def _new_folder(mlruns: Path) -> Path:
    now = dt.datetime.now(dt.UTC)
    return mlruns / "deployments" / f"{now:%Y%m%d-%H%M%S}"


def _federation(
    folder: Path, given: Path | None, nodes: int, rounds: int, seed: int
) -> "Federation":
    from services.federation.digits import write_digits
    from services.federation.federation import read_federation
    from tasks.errors import InputError

    if given is None:
        return write_digits(folder / "federation", nodes=nodes, rounds=rounds, seed=seed)
    found = read_federation(given)
    if len(found.partitions) != nodes:
        raise InputError(
            f"--nodes {nodes}: {given} has {len(found.partitions)} partitions, one a node; "
            f"give --nodes {len(found.partitions)}"
        )
    return found
