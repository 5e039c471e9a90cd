"""Updates in fewer bytes: int8, the largest values (top-k), or low rank.

What a codec loses is kept by the sender and added to what it sends next (error feedback, Seide et
al. 2014, https://doi.org/10.21437/Interspeech.2014-274; Karimireddy et al. 2019,
https://arxiv.org/abs/1901.09847). Low rank: PowerSGD, Vogels et al. 2019,
https://arxiv.org/abs/1905.13727, with a fresh random start and one more power iteration.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.federated.arrays import Arrays, flat, shaped
from models.federated.seeds import generator

Encoded = dict[str, NDArray[Any]]
BLOCK = 1024
"""Values that share a scale."""
LONGEST_GAP = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class Codec:
    """How arrays are sent.

    Args:
        name: none sends float32; int8 a byte a value; top_k the `share` of values that are largest,
            a byte each and their places; low_rank two thin factors of every matrix, `rank` wide,
            and the rest as int8.
        share: of values that top_k sends, above 0 to 1.
        rank: of the factors.
    """

    name: Literal["none", "int8", "top_k", "low_rank"]
    share: float = 0.1
    rank: int = 4

    @property
    def lossy(self) -> bool:
        return self.name != "none"


def encode(codec: Codec, arrays: Arrays) -> Encoded:
    """What travels."""
    if codec.name == "none":
        return dict(arrays)
    if codec.name == "int8":
        return _int8(flat(arrays))
    if codec.name == "top_k":
        return _top_k(flat(arrays), codec.share)
    return _low_rank(arrays, codec.rank)


def decode(codec: Codec, encoded: Encoded, like: Arrays) -> Arrays:
    """What the other end makes of it.

    Raises:
        ValueError: it is not what `encode` makes of arrays like these.
    """
    try:
        if codec.name == "none":
            return encoded
        if codec.name == "int8":
            return shaped(_from_int8(encoded), like)
        if codec.name == "top_k":
            return shaped(_from_top_k(encoded, _size(like)), like)
        return _from_low_rank(encoded, like)
    except (KeyError, IndexError) as error:
        raise ValueError(f"not an update in {codec.name}: {error!r}") from error


def _size(like: Arrays) -> int:
    return sum(value.size for value in like.values())


def _int8(vector: NDArray[np.float32]) -> Encoded:
    blocks = np.pad(vector, (0, -len(vector) % BLOCK)).reshape(-1, BLOCK)
    scale = np.abs(blocks).max(axis=1) / np.float32(127)
    safe = np.where(scale > 0, scale, np.float32(1))
    steps = np.rint(blocks / safe[:, None]).astype(np.int8)
    return {"steps": steps.ravel()[: len(vector)], "scale": scale.astype(np.float32)}


def _from_int8(encoded: Encoded) -> NDArray[np.float32]:
    steps, scale = encoded["steps"], encoded["scale"]
    blocks = np.pad(steps, (0, -len(steps) % BLOCK)).reshape(-1, BLOCK).astype(np.float32)
    values: NDArray[np.float32] = (blocks * scale[:, None]).ravel()[: len(steps)]
    return values


def _top_k(vector: NDArray[np.float32], share: float) -> Encoded:
    count = max(1, round(share * len(vector)))
    places = np.sort(np.argpartition(np.abs(vector), len(vector) - count)[-count:])
    gaps = np.diff(places, prepend=-1) - 1
    # A gap that is too long is bridged by values of 0, which stand for themselves.
    bridges = gaps // (LONGEST_GAP + 1)
    if bridges.any():
        extra = [
            np.arange(place - gap + LONGEST_GAP, place, LONGEST_GAP + 1)
            for place, gap, bridge in zip(places, gaps, bridges, strict=True)
            if bridge
        ]
        places = np.sort(np.concatenate([places, *extra]))
        gaps = np.diff(places, prepend=-1) - 1
    return {"gaps": gaps.astype(np.uint16), **_int8(vector[places])}


def _from_top_k(encoded: Encoded, size: int) -> NDArray[np.float32]:
    places = np.cumsum(encoded["gaps"].astype(np.int64) + 1) - 1
    vector = np.zeros(size, np.float32)
    vector[places] = _from_int8(encoded)
    return vector


def _low_rank(arrays: Arrays, rank: int) -> Encoded:
    encoded: Encoded = {}
    rest: list[NDArray[np.float32]] = []
    for name, value in arrays.items():
        if not _thin(value, rank):
            rest.append(value.ravel())
            continue
        matrix = value.reshape(len(value), -1)
        right = generator(name, matrix.shape[1]).standard_normal((matrix.shape[1], rank))
        left = np.linalg.qr(matrix @ (matrix.T @ (matrix @ right)))[0].astype(np.float32)
        encoded[f"left/{name}"] = left.astype(np.float16)
        encoded[f"right/{name}"] = matrix.T @ encoded[f"left/{name}"].astype(np.float32)
    if rest:
        encoded |= _int8(np.concatenate(rest))
    return encoded


def _from_low_rank(encoded: Encoded, like: Arrays) -> Arrays:
    others = _from_int8(encoded) if "steps" in encoded else np.zeros(0, np.float32)
    found: Arrays = {}
    for name, value in like.items():
        if _thin(value, encoded.get(f"left/{name}", np.zeros((0, 0))).shape[1]):
            left, right = encoded[f"left/{name}"].astype(np.float32), encoded[f"right/{name}"]
            found[name] = (left @ right.T).reshape(value.shape)
        else:
            found[name] = others[: value.size].reshape(value.shape)
            others = others[value.size :]
    return found


def _thin(value: NDArray[np.float32], rank: int) -> bool:
    """Whether two factors are smaller than the matrix."""
    if value.ndim < 2 or not rank:
        return False
    rows, columns = len(value), value.size // len(value)
    return rank * (rows + columns) * 4 < value.size
