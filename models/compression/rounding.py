"""The grids that weights are rounded to when a model is deployed with small integers.

Symmetric, no zero point, so that a weight of 0 stays 0. What is on a grid stays exactly where it is
when it is rounded to that grid again: a module trained on one (models/compression/qat.py) loses
nothing more when a runtime quantises it.

Shapes: O outputs of a layer, the first axis of its weight; I everything else.
Source: integers of a runtime's own choice, so that the grids agree: ONNX Runtime's int8 for
weights, its reduced range for processors without VNNI, and its block-wise int4.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Grid:
    """Integers of a width, and how far one scale reaches.

    Args:
        low, high: smallest and largest integer.
        group: inputs that share a scale; None: all of an output.
    """

    low: int
    high: int
    group: int | None


GRIDS = {8: Grid(-127, 127, None), 7: Grid(-64, 64, None), 4: Grid(-8, 7, 32)}
"""By bits. With 7 bits, two products of a uint8 and a weight fit into the 16 bits in which older
processors add them. With 4, the value furthest from 0 becomes -8, and its scale takes the sign."""


def grid(bits: int) -> Grid:
    """The grid of a width.

    Raises:
        ValueError: there is none.
    """
    if bits not in GRIDS:
        raise ValueError(f"bits={bits}: allowed are {', '.join(map(str, sorted(GRIDS)))}")
    return GRIDS[bits]


def fits(weight: Tensor, bits: int) -> bool:
    """Whether a layer's weight can be cut into the groups of a grid."""
    group = grid(bits).group
    return group is None or weight[0].numel() % group == 0


def scales(weight: Tensor, bits: int) -> Tensor:
    """Distance of two grid points, (O, groups, 1); 1 where all weights are 0."""
    found = grid(bits)
    rows = _rows(weight, found)
    largest = rows.abs().amax(-1, keepdim=True)
    if found.low == -found.high:
        scale = largest / found.high
    else:
        furthest = rows.gather(-1, rows.abs().argmax(-1, keepdim=True))
        scale = furthest / found.low
    return torch.where(largest > 0, scale, 1.0)


def nearest(weight: Tensor, bits: int) -> Tensor:
    """The closest points of the grid; the worst error is half a scale.

    With 4 bits, values opposite in sign to the largest may reach 8 scales; they are cut at 7.
    """
    found = grid(bits)
    scale = scales(weight, bits)
    whole = (_rows(weight, found) / scale).round().clamp(found.low, found.high)
    return (whole * scale).view(weight.shape)


def _rows(weight: Tensor, found: Grid) -> Tensor:
    outputs = len(weight)
    return weight.reshape(outputs, -1, found.group or weight[0].numel())
