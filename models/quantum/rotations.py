"""Matrices of all single-qubit gates of a circuit, from one formula and in a handful of operations.

Every entry of every gate of one wire is sin(a) exp(i b), where a and b are sums of its parameters.
Written so, all entries of all gates take one matrix product, three sines and cosines and two
products, whatever the gates are.

Shapes: n qubits, L layers, B batch, K gates.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.quantum.affine import Affine, Products
from models.quantum.circuit import Op, Ref
from models.quantum.gates import matrix

Q = math.pi / 2
Row = tuple[float, ...]
FORMS: dict[str, tuple[tuple[Row, Row], ...]] = {
    "RX": (((0.5, Q), (0, 0)), ((0.5, 0), (0, -Q)), ((0.5, 0), (0, -Q)), ((0.5, Q), (0, 0))),
    "RY": (((0.5, Q), (0, 0)), ((-0.5, 0), (0, 0)), ((0.5, 0), (0, 0)), ((0.5, Q), (0, 0))),
    "RZ": (((0, Q), (-0.5, 0)), ((0, 0), (0, 0)), ((0, 0), (0, 0)), ((0, Q), (0.5, 0))),
    "PhaseShift": (((0, Q), (0, 0)), ((0, 0), (0, 0)), ((0, 0), (0, 0)), ((0, Q), (1, 0))),
    "U2": (
        ((0, 0, Q / 2), (0, 0, 0)),
        ((0, 0, -Q / 2), (0, 1, 0)),
        ((0, 0, Q / 2), (1, 0, 0)),
        ((0, 0, Q / 2), (1, 1, 0)),
    ),
    "U3": (
        ((0.5, 0, 0, Q), (0, 0, 0, 0)),
        ((-0.5, 0, 0, 0), (0, 0, 1, 0)),
        ((0.5, 0, 0, 0), (0, 1, 0, 0)),
        ((0.5, 0, 0, Q), (0, 1, 1, 0)),
    ),
    "Rot": (
        ((0, 0.5, 0, Q), (-0.5, 0, -0.5, 0)),
        ((0, -0.5, 0, 0), (0.5, 0, -0.5, 0)),
        ((0, 0.5, 0, 0), (-0.5, 0, 0.5, 0)),
        ((0, 0.5, 0, Q), (0.5, 0, 0.5, 0)),
    ),
}
"""For each entry, row by row, a and b: a factor for each parameter, then a number."""
FORMS["U1"], FORMS["MultiRZ"] = FORMS["PhaseShift"], FORMS["RZ"]


class Rotations(nn.Module):
    """Gates of one wire as matrices.

    Args:
        chains: for each matrix the gates that it is the product of, first applied first.
        x, w: where features and weights stand.
        real: precision.
        columns: 2, or 1 for the first columns alone, which is what a gate makes of |0>; chains
            then have one gate at most.
    """

    def __init__(
        self,
        chains: Sequence[Sequence[Op]],
        x: Products,
        w: Products,
        real: torch.dtype,
        *,
        columns: int = 2,
    ) -> None:
        super().__init__()
        self.longest, self.columns = max(1, *map(len, chains)), columns
        self.count = len(chains)
        if columns == 1 and self.longest > 1:
            raise ValueError("first columns are those of one gate, not of a product")
        idle = Op("Identity", (0,))
        # All first gates, then all second ones: products are then of whole blocks.
        ops = [
            chain[at] if at < len(chain) else idle for at in range(self.longest) for chain in chains
        ]
        params = [value for op in ops if _open(op) for value in op.params]
        base = torch.zeros(2, len(ops), 2 * columns, dtype=torch.float64)
        factors = base.new_zeros(*base.shape, len(params))
        done = 0
        for at, op in enumerate(ops):
            used = len(op.params) if _open(op) else 0
            form = _form(op)[:: 3 - columns].transpose(0, 1)  # sines, then turns
            base[:, at], factors[:, at, :, done : done + used] = form[..., -1], form[..., :-1]
            done += used
        self.angles = Affine(base.flatten(), factors.flatten(0, 2), params, x=x, w=w, real=real)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(D, B) features and (W,) weights -> (K, 2, columns), with (..., B) if features matter."""
        angles = self.angles(x, w)
        every = _entries(angles)
        blocks = every.reshape(self.longest, self.count, 2, self.columns, *angles.shape[1:])
        if self.longest == 1:
            return blocks[0]
        found, *after = blocks.unbind(0)
        for block in after:
            if angles.ndim == 1:
                found = block @ found
            else:
                found = (block[:, :, :, None] * found[:, None]).sum(2)
        return found


def _entries(angles: Tensor) -> Tensor:
    """Sines and turns (2 K, ...) -> sin(a) exp(i b), (K, ...)."""
    if torch.compiler.is_compiling() or not angles.requires_grad:
        return _made(*angles.chunk(2))
    found: Tensor = _Entries.apply(angles)  # type: ignore[no-untyped-call]
    return found


def _made(sines: Tensor, turns: Tensor) -> Tensor:
    return torch.polar(torch.sin(sines), turns)


class _Entries(torch.autograd.Function):
    """`polar` has a gradient in torch that takes its first argument to be positive, which a sine
    is not."""

    @staticmethod
    def forward(ctx: Any, angles: Tensor) -> Tensor:
        sines, turns = angles.chunk(2)
        found = _made(sines, turns)
        ctx.save_for_backward(sines, turns, found)
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        sines, turns, found = ctx.saved_tensors
        bar = gradient.conj()  # what comes from a product is a conjugate already: no copy is made
        by_sine = (bar * torch.polar(torch.cos(sines), turns)).real
        return torch.cat([by_sine, (bar * found).imag.neg()])


def _open(op: Op) -> bool:
    """Whether a parameter is known only when the circuit runs."""
    return any(isinstance(value, Ref) for value in op.params)


def _form(op: Op) -> Tensor:
    """(4, 2, P + 1): for each entry a and b; P is 0 where all parameters are numbers."""
    if _open(op):
        return torch.tensor(FORMS[op.gate], dtype=torch.float64)
    fixed = matrix(op.gate, torch.tensor(op.params, dtype=torch.float64)).flatten()
    return torch.stack([fixed.abs().clamp(max=1).asin(), fixed.angle()], -1)[..., None]
