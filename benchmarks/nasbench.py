"""The NAS-Bench-201 table: all its cells, and what their operations tell at no cost.

The columns are described where the table lies; see `read`.
"""

import csv
import gzip
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.search.space import Config, Point, Space

OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
EDGES = ("1-2", "1-3", "1-4", "2-3", "2-4", "3-4")
SKIP, NONE, CONV3, CONV1, _POOL = OPERATIONS
PATHS = (("1-4",), ("1-2", "2-4"), ("1-3", "3-4"), ("1-2", "2-3", "3-4"))
"""All ways through a cell, from its input 1 to its output 4."""
SPACE = Space.of(dict.fromkeys(EDGES, OPERATIONS))

WEIGHTS = {CONV3: 9, CONV1: 1}
CHANNELS = ((16, 32), (32, 16), (64, 8))
"""Width C and side H of the three stages of five cells each."""


@dataclass(frozen=True)
class Cells:
    """The table by point: accuracy in percent, and milliseconds on each device."""

    accuracy: dict[Point, float]
    latency: dict[str, dict[Point, float]]

    def losses(self, device: str) -> NDArray[np.float64]:
        """(15625, 2): accuracy turned around, latency."""
        return np.array([(-self.accuracy[p], self.latency[device][p]) for p in self.accuracy])


def read(path: Path) -> Cells:
    """The table, its columns named as in its header."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    points: list[Point] = [tuple(int(digit) for digit in row["op_indices"]) for row in rows]
    devices = [name.removeprefix("lat_") for name in rows[0] if name.startswith("lat_")]
    return Cells(
        {point: float(row["c10_val"]) for point, row in zip(points, rows, strict=True)},
        {
            device: {p: float(row[f"lat_{device}"]) for p, row in zip(points, rows, strict=True)}
            for device in devices
        },
    )


def params(cell: Config) -> float:
    """Weights of the convolutions in all cells: k^2 C^2 each; five cells a stage.

    As C H is the same in all stages, they rank cells exactly as `flops` do.
    """
    kernels = sum(WEIGHTS[str(name)] for name in cell.values() if name in WEIGHTS)
    return float(5 * kernels * sum(width**2 for width, _ in CHANNELS))


def flops(cell: Config) -> float:
    """Multiply-adds of the convolutions in all cells, k^2 C^2 H^2 each, on one picture."""
    kernels = sum(WEIGHTS[str(name)] for name in cell.values() if name in WEIGHTS)
    return float(5 * kernels * sum((width * side) ** 2 for width, side in CHANNELS))


def hints(cell: Config) -> list[float]:
    """What the list of operations tells at no cost; ours learns which of it matters.

    Logarithm of the multiply-adds; paths from input to output with no `none` on them; and the most
    and the total of convolutions, of all sizes and of 3x3, along those paths.
    """
    alive = [path for path in ([cell[edge] for edge in way] for way in PATHS) if NONE not in path]
    all_sizes = [sum(name in WEIGHTS for name in path) for path in alive] or [0]
    large = [path.count(CONV3) for path in alive] or [0]
    counts = [len(alive), max(all_sizes), max(large), sum(all_sizes), sum(large)]
    return [math.log1p(flops(cell)), *map(float, counts)]
