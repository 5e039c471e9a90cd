"""Weights and what a server carries from round to round, each in one file that is there or is not.

Everything but the arrays is JSON in the file's own header, so that the two cannot part.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from models.federated.arrays import Arrays

ARRAY = "$array"
MEMORY, REST, DIGEST = "memory", "rest", "blake3"


class MemoryFileError(Exception):
    """A file that is not what was written."""


def write(path: Path, memory: Mapping[str, Any]) -> str:
    """Keep nested dicts of arrays and JSON types; in place of an earlier file, at once.

    Returns:
        BLAKE3 of the arrays and of the rest.
    """
    arrays: dict[str, NDArray[Any]] = {}
    rest = json.dumps(_without(memory, arrays))
    digest = _digest(rest, arrays)
    partial = path.with_suffix(".part")
    # One entry: safetensors writes several in an order that differs from run to run.
    partial.write_bytes(save(arrays, {MEMORY: json.dumps({REST: rest, DIGEST: digest})}))
    partial.replace(path)
    return digest


def read(path: Path) -> dict[str, Any]:
    """What `write` was given; keys of dicts are strings.

    Raises:
        MemoryFileError: its bytes are not those that were written.
    """
    try:
        with safe_open(str(path), "numpy") as file:
            told = json.loads(file.metadata()[MEMORY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        rest, digest = told[REST], told[DIGEST]
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise MemoryFileError(f"{path} cannot be read: {error!r}") from None
    if (found := _digest(rest, arrays)) != digest:
        raise MemoryFileError(f"{path}: expected blake3 {digest[:16]}, found {found[:16]}")
    whole: dict[str, Any] = _with(json.loads(rest), arrays)
    return whole


def read_weights(path: Path) -> Arrays:
    """The arrays of a file that holds {"arrays": ...}, in their order."""
    return dict(read(path)["arrays"])


def _without(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """The same with names in place of arrays."""
    if isinstance(value, np.ndarray | np.generic):  # arithmetic turns a scalar's array into one
        name = f"{len(arrays):06d}"
        arrays[name] = np.asarray(value, order="C")  # ascontiguousarray would give scalars an axis
        return {ARRAY: name}
    if isinstance(value, Mapping):
        return {str(key): _without(one, arrays) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without(one, arrays) for one in value]
    return value


def _with(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        if set(value) == {ARRAY}:
            return arrays[value[ARRAY]]
        return {key: _with(one, arrays) for key, one in value.items()}
    return [_with(one, arrays) for one in value] if isinstance(value, list) else value


def _digest(rest: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    hasher = blake3(rest.encode())
    for name in sorted(arrays):
        value = arrays[name]
        hasher.update(f"{name} {value.dtype.str} {value.shape} ".encode())
        hasher.update(value.tobytes())
    return hasher.hexdigest()
