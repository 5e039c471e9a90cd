"""CTranslate2's model.bin, read into arrays.

The format, little-endian: version (u32), name of the specification (string), its revision (u32),
count of variables (u32); then of each variable: name (string), rank (u8), dimensions (u32 each),
type (u8), bytes (u32), data. A string is its length with a closing NUL (u16), then its bytes.
Aliases follow, which an encoder has no use for.
Source: `Model.load` in https://github.com/OpenNMT/CTranslate2/blob/master/src/models/model.cc.
"""

import struct

import numpy as np

VERSION = 6
"""Versions up to this one share the layout above, from 4 on."""
TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_variables(data: bytes) -> dict[str, np.ndarray]:
    """All variables of a model by name, as views of `data`.

    Raises:
        ValueError: the bytes are not such a model, or end too early.
    """
    reader = _Reader(data)
    version = reader.number("I")
    if not 4 <= version <= VERSION:
        raise ValueError(f"model.bin: format version {version}, versions 4 to {VERSION} are read")
    reader.text()
    reader.number("I")
    return dict(reader.variable() for _ in range(reader.number("I")))


class _Reader:
    """A place in the bytes that moves on with every read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, count: int) -> bytes:
        taken = self.data[self.place : self.place + count]
        if len(taken) != count:
            raise ValueError(
                f"model.bin: ends at byte {len(self.data)}, {count} more were due at byte "
                f"{self.place}: the file is cut off or not a CTranslate2 model"
            )
        self.place += count
        return taken

    def number(self, code: str) -> int:
        (value,) = struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))
        return int(value)

    def text(self) -> str:
        return self.take(self.number("H"))[:-1].decode()

    def variable(self) -> tuple[str, np.ndarray]:
        name = self.text()
        shape = [self.number("I") for _ in range(self.number("B"))]
        code = self.number("B")
        if code not in TYPES:
            raise ValueError(f"model.bin: {name} has type {code}, types {sorted(TYPES)} are read")
        values = np.frombuffer(self.take(self.number("I")), TYPES[code])
        return name, values.reshape(shape)
