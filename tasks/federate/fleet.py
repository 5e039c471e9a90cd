"""Each client's device, drawn from the kinds in a file: same file and seed, same fleet."""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, PositiveFloat, ValidationError

from models.federated.devices import Profile
from models.federated.seeds import generator
from tasks.errors import InputError
from tasks.params.base import Section, Share
from tasks.params.load import read_yaml

Range = Annotated[list[PositiveFloat], Field(min_length=2, max_length=2)]
Shares = Annotated[list[Share], Field(min_length=2, max_length=2)]


class KindParams(Section):
    """A kind of device: how many of the clients have it, and the two ends of each figure."""

    share: Share
    examples_per_second: Range
    memory_mb: Range
    up_mbps: Range
    down_mbps: Range
    availability: Shares
    dropout: Shares


def read_kinds(path: Path) -> dict[str, KindParams]:
    """The kinds of devices.

    Raises:
        InputError: the file is missing, holds something else, or the shares do not add up to 1.
    """
    try:
        told = read_yaml(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise InputError(
            f"{path.name}: {error.strerror}: `federate.devices` names the file with the kinds of "
            "devices, devices.yaml in a new project"
        ) from error
    if not isinstance(told, dict) or not told:
        raise InputError(f"{path.name}: kinds of devices by name are needed, found {told!r}")
    try:
        kinds = {str(name): KindParams.model_validate(one) for name, one in told.items()}
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path.name}: {place}: {first['msg']}") from None
    total = sum(kind.share for kind in kinds.values())
    if abs(total - 1) > 1e-6:
        raise InputError(f"{path.name}: the shares add up to {total:g}, 1 is needed")
    for name, kind in kinds.items():
        for field, value in kind:
            if isinstance(value, list) and value[0] > value[1]:
                raise InputError(f"{path.name}: {name}.{field} {value}: the lower end comes first")
    return kinds


def draw(kinds: dict[str, KindParams], clients: int, seed: int) -> list[Profile]:
    """A device for each client; client i's depends on the seed and i alone."""
    names = list(kinds)
    shares = np.array([kinds[name].share for name in names])
    found = []
    for client in range(clients):
        rng = generator(seed, "device", client)
        name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
        ranges = {field: value for field, value in kinds[name] if field != "share"}
        drawn = {field: float(rng.uniform(*ends)) for field, ends in ranges.items()}
        found.append(Profile(kind=name, **drawn))
    return found
