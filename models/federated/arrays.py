"""A model's weights on their way between server and clients: named float32 arrays.

Names keep their order: two ends that build the same model list them alike.
"""

import io
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from blake3 import blake3
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.float32]]

NPY = "numpy.ndarray"
"""Flower's name for arrays sent as .npy: a header in Python's syntax, then the values."""


def record_of(arrays: Mapping[str, NDArray[np.generic]]) -> ArrayRecord:
    """As Flower sends them: the same bytes as its own `Array(value)`."""
    record = ArrayRecord()
    for name, value in arrays.items():
        record[name] = _sent(np.asarray(value))
    return record


def arrays_of(record: ArrayRecord) -> Arrays:
    """As Flower received them; in the type that they were sent in.

    Raises:
        ValueError, TypeError, EOFError: the bytes are not those of an array.
    """
    return {str(name): _received(array) for name, array in record.items()}


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
        hasher.update(value.tobytes())
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
    for config in content.values():
        for value in config.values() if isinstance(config, ConfigRecord) else ():
            if isinstance(value, bytes):
                total += len(value)
            elif isinstance(value, list):
                total += sum(len(part) for part in value if isinstance(part, bytes))
    return total


def _each(content: RecordDict) -> Iterable[tuple[str, str, Array]]:
    for record, arrays in content.items():  # `array_records` would make a dictionary each time
        if isinstance(arrays, ArrayRecord):
            for name, array in arrays.items():
                yield str(record), str(name), array


def _sent(value: NDArray[np.generic]) -> Array:
    """The header of one type and shape is written once: it takes longer than a small array."""
    if not value.flags.c_contiguous or value.dtype.hasobject:
        return Array(value)
    kind, header = _header(value.dtype, value.shape)
    return Array(kind, value.shape, NPY, header + value.tobytes())


def _received(array: Array) -> NDArray[np.float32]:
    """Headers are parsed once each; what is out of the ordinary is left to NumPy."""
    data: bytes = array.data
    value: NDArray[np.float32]
    if array.stype == NPY and data[:8] == b"\x93NUMPY\x01\x00":
        end = 10 + int.from_bytes(data[8:10], "little")
        if (layout := _layout(data[:end])) is not None:
            dtype, shape, count = layout
            value = np.frombuffer(data, dtype, count, end).reshape(shape).copy()
            return value
    value = array.numpy()
    return value


@lru_cache(maxsize=1024)
def _header(dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> tuple[str, bytes]:
    array = Array(np.zeros(shape, dtype))
    return array.dtype, array.data[: len(array.data) - dtype.itemsize * math.prod(shape)]


@lru_cache(maxsize=1024)
def _layout(header: bytes) -> tuple[np.dtype[np.generic], tuple[int, ...], int] | None:
    """Type, shape and number of values; None where a plain copy would not do."""
    read: Any = np.lib.format.read_array_header_1_0  # NumPy gives it no types
    shape, fortran, dtype = read(io.BytesIO(header[8:]))
    count = math.prod(shape)
    if fortran or dtype.hasobject or not count:
        return None
    return dtype, shape, count
