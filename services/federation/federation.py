"""What is to be deployed, as a folder: a plan, the first weights, and a part of the data a node.

plan.json, initial.safetensors, partition-0/, partition-1/, ...
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.federated.arrays import Arrays
from models.federated.plan import Plan
from services.federation.memory import read_weights, write
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
        write_partition(folder / f"{PARTITION}{number}", partition)
    return read_federation(folder)


def read_federation(folder: Path) -> Federation:
    """Read it again.

    Raises:
        PartitionError: a part of it is missing.
    """
    folders = sorted(folder.glob(f"{PARTITION}*"), key=lambda path: int(path.name.split("-")[-1]))
    try:
        plan = plan_of((folder / PLAN).read_text(encoding="utf-8"))
        initial = read_weights(folder / INITIAL)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PartitionError(f"{folder}: {PLAN} and {INITIAL} are wanted ({error!r})") from None
    if not folders:
        raise PartitionError(f"{folder}: no {PARTITION}0, {PARTITION}1, ... in it")
    return Federation(plan, initial, folders)
