"""`cairn federate simulate`: the rounds of a deployment in Flower's Ray simulation."""

import os
from typing import Annotated

import typer

from cairn.federate_choice import (
    Given,
    Head,
    Nodes,
    Output,
    Rounds,
    Seed,
    chosen,
    new_folder,
    summary,
    tell,
)


def simulate(
    nodes: Nodes = None,
    rounds: Rounds = None,
    seed: Seed = None,
    head: Head = None,
    federation: Given = None,
    output: Output = None,
    cores: Annotated[
        int | None,
        typer.Option(help="Clients at work at the same time, each on one core; else all.", min=1),
    ] = None,
) -> None:
    """Run the rounds in Flower's Ray simulation: many clients on the cores of this machine.

    Clients and server are those of `cairn federate deploy`, and the weights end in the same bytes.
    Ctrl-C stops Ray; give --output again to go on.
    """
    from flows.ending import debugging
    from tasks.environment import prepare
    from tasks.errors import CairnError, InputError

    prepare()
    os.environ.setdefault("FLWR_LOG_LEVEL", "INFO" if debugging() else "ERROR")
    from models.federated.plan import StalledError
    from services.federation.partitions import PartitionError
    from services.federation.simulate import simulate as run_rounds
    from services.federation.simulate import through_ray

    wanted = _checked(cores)
    folder = output or new_folder("simulations")
    found = chosen(folder, federation, nodes, rounds, seed, head)
    at_once = min(wanted, len(found.partitions))
    tell(f"{len(found.partitions)} clients, {at_once} at a time, results in {folder / 'results'}")
    try:
        lines = run_rounds(folder, found, through_ray(at_once), tell=tell)
    except PartitionError as error:
        raise InputError(str(error)) from None
    except (StalledError, TimeoutError) as error:
        raise CairnError(str(error)) from None
    print(summary(lines))


def _checked(cores: int | None) -> int:
    from tasks.errors import InputError

    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    most = there or 1
    if cores is not None and cores > most:
        raise InputError(f"--cores {cores}: {most} are there; give 1 to {most}, or leave it out")
    return cores or most
