"""What is to be deployed, as a folder: a plan, the first weights, and a part of the data a node.

plan.json, initial.safetensors, partition-0/, partition-1/, ...
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.federated.arrays import Arrays
from models.federated.plan import Plan
from services.federation.learners import check_partition
from services.federation.memory import MemoryFileError, read_weights, write
from services.federation.partitions import Partition, PartitionError, write_partition
from services.federation.settings import plan_of, plan_text

PLAN, INITIAL, PARTITION = "plan.json", "initial.safetensors", "partition-"


@dataclass(frozen=True)
class Federation:
    """What is to be deployed.

    Args:
        plan: of the rounds.
        initial: weights to start from.
        partitions: a folder for each node, as services/federation/partitions.py writes it.
    """

    plan: Plan
    initial: Arrays
    partitions: Sequence[Path]


def write_federation(
    folder: Path, plan: Plan, initial: Arrays, partitions: Sequence[Partition]
) -> Federation:
    """Write one into a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PLAN).write_text(plan_text(plan), encoding="utf-8")
    write(folder / INITIAL, {"arrays": initial})
    for number, partition in enumerate(partitions):
        write_partition(partition_folder(folder, number), partition)
    return read_federation(folder)


def read_federation(folder: Path) -> Federation:
    """Read it again.

    Raises:
        PartitionError: a part of it is missing, or is not what was written.
    """
    try:
        plan = plan_of((folder / PLAN).read_text(encoding="utf-8"))
        initial = read_weights(folder / INITIAL)
    except (OSError, ValueError, KeyError, TypeError, MemoryFileError) as error:
        raise PartitionError(
            f"{folder}: {PLAN} and {INITIAL} are wanted ({error!r}): `cairn federate export` makes "
            "such a folder"
        ) from None
    there = {path.name for path in folder.glob(f"{PARTITION}*")}
    folders = [partition_folder(folder, number) for number in range(len(there))]
    if not folders:
        raise PartitionError(f"{folder}: no {PARTITION}0, {PARTITION}1, ... in it")
    if missing := [path.name for path in folders if path.name not in there]:
        raise PartitionError(
            f"{folder}: {missing[0]} is missing, {len(there)} folders begin with {PARTITION}: "
            "number them from 0 without gaps"
        )
    return Federation(plan, initial, folders)


def partition_folder(folder: Path, number: int) -> Path:
    """Of a client, in the folder of a federation."""
    return folder / f"{PARTITION}{number}"


def check_federation(federation: Federation) -> None:
    """Whether its rounds can begin.

    Raises:
        PartitionError: there are fewer clients than the plan needs, or one's partition is not what
            was written.
    """
    from models.federated.strategies import build_strategy

    plan, clients = federation.plan, len(federation.partitions)
    try:
        build_strategy(plan.strategy, clients=clients)
    except ValueError as error:
        raise PartitionError(f"{PLAN}: {error}") from None
    least = {
        "selection.least": 1 if plan.selection.poisson else plan.selection.least,
        "secure.threshold": plan.secure.threshold if plan.secure else 1,
    }
    for setting, needed in least.items():
        if clients < needed:
            raise PartitionError(
                f"{PLAN}: {setting} {needed} is more than the {clients} clients that there are: "
                "lower it, or add partitions"
            )
    for path in federation.partitions:
        check_partition(path)
