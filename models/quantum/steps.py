"""The engine's steps: each takes the state (N, B) to the next.

Shapes: n qubits, N = 2^n, B batch (1 as long as the state is the same for all samples), L layers of
single-qubit gates, G = 2^g for gates of g wires together.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.quantum.affine import Affine, Products
from models.quantum.circuit import Op
from models.quantum.gates import gate, matrix


class Permute(nn.Module):
    """Permutations of basis states, as one."""

    sources: Tensor
    back: Tensor

    def __init__(self, ops: Sequence[Op], qubits: int) -> None:
        super().__init__()
        sources = torch.arange(2**qubits)
        for op in ops:
            table = gate(op.gate, len(op.wires)).sources
            if table is None:
                raise ValueError(f"{op.gate} does not permute basis states")
            own = _own(op.wires, qubits)
            places = torch.tensor(_places(op.wires, qubits))
            others = torch.arange(2**qubits) - places[own]
            sources = sources[others + places[torch.tensor(table)[own]]]
        self.register_buffer("sources", sources, persistent=False)
        self.register_buffer("back", sources.argsort(), persistent=False)

    def forward(self, state: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            return state.index_select(0, self.sources)
        found: Tensor = _Gather.apply(state, self.sources, self.back)  # type: ignore[no-untyped-call]
        return found


class _Gather(torch.autograd.Function):
    """Picks rows; its gradient picks them back, where torch's own would add into zeros."""

    @staticmethod
    def forward(ctx: Any, state: Tensor, sources: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return state.index_select(0, sources)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient.index_select(0, ctx.saved_tensors[0]), None, None


class Diagonal(nn.Module):
    """Phases of basis states: those of all gates add up."""

    fixed: Tensor

    def __init__(
        self, ops: Sequence[Op], qubits: int, x: Products, w: Products, real: torch.dtype
    ) -> None:
        super().__init__()
        factors = torch.stack([_phases(op)[_own(op.wires, qubits)] for op in ops], 1)
        params = [op.params[0] if op.params else 1.0 for op in ops]
        base = torch.zeros(2**qubits)
        self.angles = Affine(base, factors, params, x=x, w=w, real=real)
        self.constant = not self.angles.per_sample and not self.angles.trained
        turned = torch.polar(torch.ones_like(self.angles.base), self.angles.base)
        self.register_buffer("fixed", turned[:, None], persistent=False)

    def forward(self, state: Tensor, x: Tensor, w: Tensor) -> Tensor:
        if self.constant:
            return state * self.fixed
        angles = self.angles(x, w)
        turns = angles.T if angles.ndim == 2 else angles[:, None]
        return state * torch.complex(torch.cos(turns), torch.sin(turns))


class Dense(nn.Module):
    """Any other gate: its wires move to the front, it multiplies, they move back."""

    front: Tensor
    back: Tensor

    def __init__(self, op: Op, qubits: int, x: Products, w: Products, real: torch.dtype) -> None:
        super().__init__()
        self.gate, self.wires = op.gate, len(op.wires)
        count = len(op.params)
        self.values = Affine(torch.zeros(count), torch.eye(count), op.params, x=x, w=w, real=real)
        others = [wire for wire in range(qubits) if wire not in op.wires]
        front = torch.arange(2**qubits).reshape((2,) * qubits).permute(*op.wires, *others).flatten()
        self.register_buffer("front", front, persistent=False)
        self.register_buffer("back", front.argsort(), persistent=False)

    def forward(self, state: Tensor, x: Tensor, w: Tensor) -> Tensor:
        moved, size = state.index_select(0, self.front), 2**self.wires
        own = matrix(self.gate, self.values(x, w), self.wires)
        if self.values.per_sample:
            rows = moved.reshape(size, len(moved) // size, moved.shape[-1]).permute(2, 0, 1)
            done = (own @ rows).permute(1, 2, 0)
        else:
            done = own @ moved.reshape(size, -1)
        return done.reshape(len(self.back), -1).index_select(0, self.back)


def together(matrices: Tensor) -> Tensor:
    """Kronecker products: (L, g, r, c) matrices of neighbouring wires -> (L, r^g, c^g)."""
    count = matrices.shape[1]
    while count > 1 and count % 2 == 0:
        count //= 2
        paired = matrices.reshape(len(matrices), count, 2, *matrices.shape[2:])
        matrices = _kronecker(*paired.unbind(2))
    found, *after = matrices.unbind(1)
    for other in after:
        found = _kronecker(found, other)
    return found


def _kronecker(left: Tensor, right: Tensor) -> Tensor:
    product = left[..., :, None, :, None] * right[..., None, :, None, :]
    return product.flatten(-4, -3).flatten(-2)


def _phases(op: Op) -> Tensor:
    table = gate(op.gate, len(op.wires)).phases
    if table is not None:
        return torch.tensor(table, dtype=torch.float64)[:, 0]
    last = torch.zeros(2 ** len(op.wires), dtype=torch.float64)
    last[-1] = math.pi  # CZ and CCZ
    return last


def _places(wires: Sequence[int], qubits: int) -> list[int]:
    """Where the gate's own basis states lie among all, the other wires 0."""
    bits = [1 << (qubits - 1 - wire) for wire in reversed(wires)]
    return [
        sum(bit for at, bit in enumerate(bits) if row >> at & 1) for row in range(2 ** len(wires))
    ]


def _own(wires: Sequence[int], qubits: int) -> Tensor:
    """(N,): each basis state as the gate sees it, its wires only."""
    rows = torch.arange(2**qubits)
    seen = torch.zeros_like(rows)
    for wire in wires:
        seen = seen * 2 + (rows >> (qubits - 1 - wire)) % 2
    return seen
