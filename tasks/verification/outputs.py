"""Compare an output that came out again with the recorded one: by digest, or within a tolerance."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provenance import Artifact, ProvenanceError
from tasks.flat import leaves


@dataclass
class Outcome:
    """What came out of one stage.

    Attributes:
        differing: outputs that are not as recorded, each with why.
        same: how many are, byte for byte or within the tolerance.
        notes: what differs around it: code, packages, machine.
    """

    differing: list[str] = field(default_factory=list)
    same: int = 0
    notes: list[str] = field(default_factory=list)


def compare_output(
    ours: Path, theirs: Path, record: Mapping[str, Any], tolerance: dict[str, float], out: Outcome
) -> None:
    """Add one output to the outcome.

    Args:
        ours: the workspace, whose file is needed where a tolerance is declared.
        theirs: where the stage ran again.
        record: of the output, as logged.
        tolerance: highest absolute difference of a number, by path.
    """
    name = record["path"]
    try:
        found = Artifact.of(theirs / name)
    except ProvenanceError as error:
        out.differing.append(f"{name} did not come out ({error})")
        return
    if found.digest == record["blake3"]:
        out.same += 1
        return
    digests = f"{name}: recorded blake3 {record['blake3'][:8]}..., came out {found.digest[:8]}..."
    if name not in tolerance:
        out.differing.append(digests)
        return
    try:
        here = Artifact(ours / name, record["blake3"], record["size"]).verified()
        found_apart = list(_differences(here, theirs / name))
    except (ProvenanceError, ValueError) as error:
        out.differing.append(f"{digests}, and cannot be compared ({error})")
        return
    # A NaN is within no tolerance, and `max` would pass over it.
    largest = math.inf if any(map(math.isnan, found_apart)) else max(found_apart, default=0.0)
    if largest <= tolerance[name]:
        out.same += 1
        out.notes.append(f"{name} differs by at most {largest:g}, {tolerance[name]:g} is allowed")
    else:
        out.differing.append(f"{digests}, by up to {largest:g}, allowed {tolerance[name]:g}")


def _differences(one: Path, other: Path) -> Iterator[float]:
    """How far numbers in two files are apart.

    Raises:
        ValueError: they hold other things than each other, or no numbers.
    """
    if one.suffix == ".safetensors":
        from safetensors.torch import load_file

        left, right = load_file(one), load_file(other)
        if {n: t.shape for n, t in left.items()} != {n: t.shape for n, t in right.items()}:
            raise ValueError("other tensors")
        for name, tensor in left.items():
            yield (
                float((tensor.double() - right[name].double()).abs().max()) if tensor.numel() else 0
            )
        return
    if one.suffix != ".json":
        raise ValueError("a tolerance is for .json and .safetensors files")
    before = leaves(json.loads(one.read_text(encoding="utf-8")))
    after = leaves(json.loads(other.read_text(encoding="utf-8")))
    if before.keys() != after.keys():
        raise ValueError("other figures")
    for name, value in before.items():
        if isinstance(value, int | float) and isinstance(after[name], int | float):
            yield abs(value - after[name])
        elif value != after[name]:
            raise ValueError(f"{name} is {value!r} and {after[name]!r}")
