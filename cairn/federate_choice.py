"""What `cairn federate deploy` and `simulate` run: a given folder, or a trial with digits."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from services.federation.federation import Federation

NODES, ROUNDS, SEED = 3, 3, 7
"""Of the trial."""

Nodes = Annotated[
    int | None,
    typer.Option(help=f"Clients, each a node [trial: {NODES}; else one a partition].", min=1),
]
Rounds = Annotated[
    int | None, typer.Option(help=f"Rounds of the trial with digits [{ROUNDS}].", min=1)
]
Seed = Annotated[int | None, typer.Option(help=f"Of the trial with digits [{SEED}].")]
Head = Annotated[
    str | None,
    typer.Option(help="Model of the trial with digits: softmax, or quantum [softmax]."),
]
Given = Annotated[
    Path | None,
    typer.Option(help="Folder with a plan, weights and a partition a node; else digits."),
]
Output = Annotated[
    Path | None,
    typer.Option(help="Folder of the run; one that was stopped goes on after its last round."),
]


def new_folder(kind: str) -> Path:
    """Of a run that was given none."""
    from tasks.workspace import Workspace

    now = dt.datetime.now(dt.UTC)
    return Workspace.here().mlruns / kind / f"{now:%Y%m%d-%H%M%S}"


def chosen(
    folder: Path,
    given: Path | None,
    nodes: int | None,
    rounds: int | None,
    seed: int | None,
    head: str | None,
) -> "Federation":
    """The federation, once it is sure that its rounds can begin.

    Raises:
        InputError: it cannot be read, options contradict it, or there are too few clients.
    """
    from services.federation.digits import HEADS, write_digits
    from services.federation.federation import check_federation, read_federation
    from services.federation.partitions import PartitionError
    from tasks.errors import InputError

    if head is not None and head not in HEADS:
        raise InputError(f"--head {head}: allowed are {', '.join(HEADS)}")
    try:
        if given is None:
            trial, wanted = folder / "federation", nodes or NODES
            if trial.exists() and (there := len(read_federation(trial).partitions)) != wanted:
                raise InputError(
                    f"{folder} has {there} nodes: give --nodes {there}, or another folder"
                )
            return write_digits(
                trial,
                nodes=wanted,
                rounds=rounds or ROUNDS,
                seed=SEED if seed is None else seed,
                head=head or "softmax",
            )
        found = read_federation(given)
        trial_only = {"--rounds": rounds, "--seed": seed, "--head": head}
        _agree(given, nodes, len(found.partitions), trial_only)
        check_federation(found)
    except PartitionError as error:
        raise InputError(str(error)) from None
    return found


def _agree(
    given: Path, nodes: int | None, partitions: int, trial: dict[str, int | str | None]
) -> None:
    from tasks.errors import InputError

    for option, value in trial.items():
        if value is not None:
            raise InputError(f"{option} {value}: {given / 'plan.json'} says that; leave it out")
    if nodes is not None and nodes != partitions:
        raise InputError(
            f"--nodes {nodes}: {given} has {partitions} partitions, one a node; "
            f"give --nodes {partitions}, or leave it out"
        )


def summary(lines: list[dict[str, Any]]) -> str:
    """The last line of a run.

    Args:
        lines: of rounds.jsonl.

    Raises:
        CairnError: no round came to an end.
    """
    from tasks.errors import CairnError

    if not lines:
        raise CairnError("no round came to an end: see the events above")
    return f"{len(lines)} rounds, weights blake3 {lines[-1]['digest']}"


def tell(line: str) -> None:
    """Now, also where the output is a file."""
    print(line, flush=True)
