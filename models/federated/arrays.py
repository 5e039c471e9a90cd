"""A model's weights on their way between server and clients: named float32 arrays.

Names keep their order: two ends that build the same model list them alike.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from blake3 import blake3
from flwr.app import Array, ArrayRecord, RecordDict
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.float32]]


def record_of(arrays: Mapping[str, NDArray[np.generic]]) -> ArrayRecord:
    """As Flower sends them."""
    return ArrayRecord({name: Array(np.asarray(value)) for name, value in arrays.items()})


def arrays_of(record: ArrayRecord) -> Arrays:
    """As Flower received them; in the type that they were sent in."""
    return {str(name): array.numpy() for name, array in record.items()}


def subtract(left: Arrays, right: Arrays) -> Arrays:
    return {name: left[name] - right[name] for name in left}


def add(left: Arrays, right: Arrays) -> Arrays:
    return {name: left[name] + right[name] for name in left}


def zeros(like: Arrays) -> Arrays:
    return {name: np.zeros_like(value) for name, value in like.items()}


def norm(arrays: Arrays) -> float:
    """Euclidean norm of all arrays as one vector, summed in double precision."""
    squares = [np.square(value, dtype=np.float64).sum() for value in arrays.values()]
    return float(np.sqrt(np.sum(squares)))


def flat(arrays: Arrays) -> NDArray[np.float32]:
    """All arrays as one vector, in their order."""
    return np.concatenate([value.ravel() for value in arrays.values()])


def shaped(vector: NDArray[np.float32], like: Arrays) -> Arrays:
    """What `flat` was made of."""
    ends = np.cumsum([value.size for value in like.values()])[:-1]
    parts = np.split(vector, ends)
    return {
        name: part.reshape(value.shape)
        for (name, value), part in zip(like.items(), parts, strict=True)
    }


def digest(arrays: Mapping[str, NDArray[np.generic]]) -> str:
    """BLAKE3 over names, types, shapes and values, in order."""
    hasher = blake3()
    for name, value in arrays.items():
        hasher.update(f"{name} {value.dtype.str} {value.shape} ".encode())
        hasher.update(np.ascontiguousarray(value).data)
    return hasher.hexdigest()


def sent_digest(content: RecordDict) -> str:
    """BLAKE3 over the array records of a message, as they were sent."""
    hasher = blake3()
    for record, name, array in _each(content):
        hasher.update(f"{record} {name} {array.dtype} {array.shape} ".encode())
        hasher.update(array.data)
    return hasher.hexdigest()


def sent_bytes(content: RecordDict) -> int:
    """Bytes of a message's arrays, and of byte strings beside them (keys, masked vectors), as they
    were serialised; names and numbers are left out."""
    total = sum(len(array.data) for _, _, array in _each(content))
    for config in content.config_records.values():
        for value in config.values():
            parts = value if isinstance(value, list) else [value]
            total += sum(len(part) for part in parts if isinstance(part, bytes))
    return total


def _each(content: RecordDict) -> Iterable[tuple[str, str, Array]]:
    for record, arrays in content.array_records.items():
        for name, array in arrays.items():
            yield str(record), str(name), array
