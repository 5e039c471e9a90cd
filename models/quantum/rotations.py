"""Matrices of all single-qubit gates of a circuit, from one formula and in a handful of operations.

Every entry of every gate of one wire is sin(a) exp(i b), where a and b are sums of its parameters.
Written so, all entries of all gates take one matrix product, three sines and cosines and two
products, whatever the gates are.

Shapes: n qubits, L layers, B batch, K gates.
"""

import math
from collections.abc import Sequence

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
    """

    def __init__(
        self, chains: Sequence[Sequence[Op]], x: Products, w: Products, real: torch.dtype
    ) -> None:
        super().__init__()
        self.longest = max(1, *map(len, chains))
        self.count = len(chains)
        idle = Op("Identity", (0,))
        # All first gates, then all second ones: products are then of whole blocks.
        ops = [
            chain[at] if at < len(chain) else idle for at in range(self.longest) for chain in chains
        ]
        params = [value for op in ops if _open(op) for value in op.params]
        base = torch.zeros(2, len(ops), 4, dtype=torch.float64)
        factors = base.new_zeros(*base.shape, len(params))
        done = 0
        for at, op in enumerate(ops):
            used = len(op.params) if _open(op) else 0
            # (4, 2, P + 1) to (2, 4, P + 1): sines, then turns
            form = _form(op).transpose(0, 1)
            base[:, at], factors[:, at, :, done : done + used] = form[..., -1], form[..., :-1]
            done += used
        self.angles = Affine(base.flatten(), factors.flatten(0, 2), params, x=x, w=w, real=real)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, D) features and (W,) weights -> (K, 2, 2), or (K, B, 2, 2) where features matter."""
        sines, turns = self.angles(x, w).chunk(2, -1)
        size = torch.sin(sines)
        every = torch.complex(size * torch.cos(turns), size * torch.sin(turns))
        if every.ndim == 1:
            blocks = every.reshape(self.longest, self.count, 2, 2)
        else:
            blocks = every.T.reshape(self.longest, self.count, 2, 2, len(x)).movedim(-1, 2)
        if self.longest == 1:
            return blocks[0]
        found, *after = blocks.unbind(0)
        for block in after:
            found = block @ found
        return found


def _open(op: Op) -> bool:
    """Whether a parameter is known only when the circuit runs."""
    return any(isinstance(value, Ref) for value in op.params)


def _form(op: Op) -> Tensor:
    """(4, 2, P + 1): for each entry a and b; P is 0 where all parameters are numbers."""
    if _open(op):
        return torch.tensor(FORMS[op.gate], dtype=torch.float64)
    fixed = matrix(op.gate, torch.tensor(op.params, dtype=torch.float64)).flatten()
    return torch.stack([fixed.abs().clamp(max=1).asin(), fixed.angle()], -1)[..., None]
