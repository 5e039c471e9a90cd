"""What a node has on its disk: its rows, and the settings of its learner.

partition/learner.json      kind, name, settings, digest of the rows
partition/rows.safetensors  named arrays
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from safetensors.numpy import load, save

SETTINGS, ROWS = "learner.json", "rows.safetensors"


class PartitionError(Exception):
    """A partition that cannot be read, or is not what was written."""


@dataclass(frozen=True)
class Partition:
    """One node's part.

    Args:
        kind: of learner, a key of LEARNERS in services/federation/learners.py.
        name: of the client, as tables show it.
        settings: of the learner, JSON types.
        rows: named arrays.
    """

    kind: str
    name: str
    settings: Mapping[str, Any]
    rows: Mapping[str, NDArray[Any]]


def write_partition(folder: Path, partition: Partition) -> None:
    """Write it; the rows first, so that settings never speak of rows that are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = save({name: np.asarray(value, order="C") for name, value in partition.rows.items()})
    (folder / ROWS).write_bytes(rows)
    told = {
        "blake3": blake3(rows).hexdigest(),
        "kind": partition.kind,
        "name": partition.name,
        "settings": dict(partition.settings),
    }
    (folder / SETTINGS).write_text(json.dumps(told, indent=1, sort_keys=True), encoding="utf-8")


def read_partition(folder: Path) -> Partition:
    """Read it again.

    Raises:
        PartitionError: something is missing, or the rows are not those that the settings name.
    """
    try:
        told = json.loads((folder / SETTINGS).read_bytes())
        rows = (folder / ROWS).read_bytes()
        kind, name, settings, digest = (told[k] for k in ("kind", "name", "settings", "blake3"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PartitionError(
            f"{folder}: {SETTINGS} and {ROWS} of one partition are wanted there ({error!r})"
        ) from None
    if (found := blake3(rows).hexdigest()) != digest:
        raise PartitionError(
            f"{folder / ROWS}: expected blake3 {digest[:16]}, found {found[:16]}: "
            "the rows were changed after they were given to this node"
        )
    return Partition(kind, name, settings, load(rows))
