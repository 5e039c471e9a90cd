"""How many bits each layer gets under a budget of bytes, as a QUBO.

energy = sum over layers of the error at the width that was chosen; one width a layer; what the
layers take beyond their fewest bytes stays within the budget. Errors are taken to add up, which
holds while they are small: the error of the whole is measured afterwards.

Source: sensitivity layer by layer, as in HAWQ-V2, Dong et al. 2019, https://arxiv.org/abs/1911.03852
(second derivatives there, measured errors here); bit widths by integer programming: HAWQ-V3, Yao et
al. 2020, https://arxiv.org/abs/2011.10680.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.quantum.qubo.answer import Answer
from models.quantum.qubo.constraints import AtMost, OneOf
from models.quantum.qubo.feasible import InfeasibleError
from models.quantum.qubo.problem import QuboProblem

UNITS = 1024
"""Parts that the room above the fewest bytes is counted in, rounded up: a weight each needs slack
of so many bits only, and no budget is ever overdrawn."""
BUDGET = "bytes"
"""Name of the constraint."""


@dataclass(frozen=True)
class Layer:
    """A layer and what each width would do to it.

    Args:
        name: unique.
        bytes: that it takes, by bits.
        errors: that its rounding adds, by bits: of the answers, or of a loss.

    Raises:
        ValueError: no widths, widths that differ, an error that is not finite, bytes below 1.
    """

    name: str
    bytes: Mapping[int, int]
    errors: Mapping[int, float]

    def __post_init__(self) -> None:
        if not self.bytes or set(self.bytes) != set(self.errors):
            raise ValueError(
                f"layer {self.name}: bytes for {sorted(self.bytes)} bits, errors for "
                f"{sorted(self.errors)}: give both for the same widths, at least one"
            )
        for bits, error in self.errors.items():
            if not np.isfinite(error):
                raise ValueError(
                    f"layer {self.name}: error {error} at {bits} bits: it must be finite; look at "
                    "the calibration data"
                )
        if min(self.bytes.values()) < 1:
            raise ValueError(f"layer {self.name}: {dict(self.bytes)} bytes: at least 1 each")

    @property
    def fewest(self) -> int:
        """Bytes at its smallest."""
        return min(self.bytes.values())


def bit_allocation(layers: Sequence[Layer], *, budget: int, units: int = UNITS) -> QuboProblem:
    """The problem; a variable for each layer and width.

    Args:
        layers: at least one, each with a name of its own.
        budget: bytes of all layers together.
        units: parts that the room is counted in.

    Raises:
        InfeasibleError: the layers at their smallest need more than the budget; says how much.
        ValueError: no layers, or a name twice.
    """
    if not layers:
        raise ValueError("no layers to give bits to: name at least one")
    fewest = sum(layer.fewest for layer in layers)
    if budget < fewest:
        raise InfeasibleError(
            f"a budget of {budget:,} bytes for {len(layers)} layers, which take {fewest:,} with "
            "the fewest bits: raise the budget, or allow fewer bits"
        )
    most = sum(max(layer.bytes.values()) for layer in layers)
    room = budget - fewest
    unit = max(1, -(-room // units))
    names, linear, weights = list[str](), dict[str, float](), dict[str, int]()
    groups = list[OneOf]()
    for layer in layers:
        own = {bits: variable(layer.name, bits) for bits in sorted(layer.bytes)}
        names += own.values()
        groups.append(OneOf(f"bits of {layer.name}", tuple(own.values())))
        for bits, name in own.items():
            linear[name] = layer.errors[bits]
            extra = -(-(layer.bytes[bits] - layer.fewest) // unit)
            weights[name] = min(extra, room // unit + 1)  # too much is too much
    limit = () if budget >= most else (AtMost.of(BUDGET, weights, room // unit),)
    return QuboProblem.of(names, linear=linear, constraints=[*groups, *limit])


def variable(layer: str, bits: int) -> str:
    """Name of the variable for a layer and width."""
    return f"{layer} in {bits} bits"


def bits_of(answer: Answer, layers: Sequence[Layer]) -> dict[str, int]:
    """Layer to the width that a feasible answer gives it."""
    return {
        layer.name: bits
        for layer in layers
        for bits in layer.bytes
        if answer.assignment[variable(layer.name, bits)]
    }


def total_bytes(layers: Sequence[Layer], bits: Mapping[str, int]) -> int:
    """Of all layers at their widths."""
    return sum(layer.bytes[bits[layer.name]] for layer in layers)


def total_error(layers: Sequence[Layer], bits: Mapping[str, int]) -> float:
    """Sum of the layers' errors at their widths."""
    return sum(layer.errors[bits[layer.name]] for layer in layers)
