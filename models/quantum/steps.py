"""The engine's steps: each takes the state (N, B) to the next, and gradients the other way.

What travels backwards is the conjugate of torch's gradient, called bar: through a matrix U it goes
as U^T bar, and the conjugate gradient of U is bar state^T, so that no state is ever conjugated.

Shapes: n qubits, N = 2^n, B batch (1 as long as the state is the same for all samples), G = 2^g for
gates of g wires together.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.quantum.affine import Affine, Products
from models.quantum.circuit import Op
from models.quantum.gates import gate, matrix


class Step(nn.Module):
    """One step; `operand` makes what it needs from features and weights, where it needs any."""

    def operand(self, x: Tensor, w: Tensor) -> Tensor | None:  # noqa: ARG002
        """(D, B) features and (W,) weights -> what `forward` takes."""
        return None

    def forward(self, state: Tensor, operand: Tensor | None) -> Tensor:
        """(N, B) -> (N, B)."""
        raise NotImplementedError

    def back(
        self, bar: Tensor, before: Tensor, operand: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """From bar after the step to bar before it, and the gradient of the operand.

        Args:
            bar: (N, B), conjugate gradient.
            before: (N, B), the state that the step was given.
            operand: what it was given beside.
        """
        raise NotImplementedError


class Multiply(Step):
    """Gates of neighbouring wires, as one matrix (G, G) that the batch shares.

    Args:
        before: 2 to the number of wires before them.
        size: G.
    """

    def __init__(self, *, before: int, size: int) -> None:
        super().__init__()
        self.before, self.size = before, size

    def forward(self, state: Tensor, operand: Tensor | None) -> Tensor:
        return self._times(_given(operand), state)

    def back(
        self, bar: Tensor, before: Tensor, operand: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        own, rows = _given(operand), (self.before, self.size, -1)
        if len(before) == self.size:
            gradient = bar @ before.T
        elif self.before == 1:
            gradient = bar.reshape(rows[1:]) @ before.reshape(rows[1:]).T
        else:
            gradient = torch.bmm(bar.reshape(rows), before.reshape(rows).mT).sum(0)
        return self._times(own.T, bar), gradient.conj()

    def _times(self, own: Tensor, state: Tensor) -> Tensor:
        if len(state) == self.size:
            return own @ state
        if self.before == 1:
            return (own @ state.reshape(self.size, -1)).reshape(state.shape)
        rows = state.reshape(self.before, self.size, -1)
        return torch.bmm(own.expand(self.before, -1, -1), rows).reshape(state.shape)


class Permute(Step):
    """Permutations of basis states, as one."""

    sources: Tensor
    targets: Tensor

    def __init__(self, ops: Sequence[Op], qubits: int) -> None:
        super().__init__()
        sources = torch.arange(2**qubits)
        for op in ops:
            table = gate(op.gate, len(op.wires)).sources
            if table is None:
                raise ValueError(f"{op.gate} does not permute basis states")
            own = own_states(op.wires, qubits)
            places = torch.tensor(_places(op.wires, qubits))
            others = torch.arange(2**qubits) - places[own]
            sources = sources[others + places[torch.tensor(table)[own]]]
        self.register_buffer("sources", sources, persistent=False)
        self.register_buffer("targets", sources.argsort(), persistent=False)

    def forward(self, state: Tensor, operand: Tensor | None) -> Tensor:  # noqa: ARG002
        return state.index_select(0, self.sources)

    def back(
        self,
        bar: Tensor,
        before: Tensor,  # noqa: ARG002
        operand: Tensor | None,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor | None]:
        return bar.index_select(0, self.targets), None


class Diagonal(Step):
    """Phases of basis states: those of all gates add up. Its operand is their sum."""

    def __init__(
        self, ops: Sequence[Op], qubits: int, x: Products, w: Products, real: torch.dtype
    ) -> None:
        super().__init__()
        factors = torch.stack([_phases(op)[own_states(op.wires, qubits)] for op in ops], 1)
        params = [op.params[0] if op.params else 1.0 for op in ops]
        self.angles = Affine(torch.zeros(2**qubits), factors, params, x=x, w=w, real=real)
        self.constant = not self.angles.per_sample and not self.angles.trained

    def operand(self, x: Tensor, w: Tensor) -> Tensor | None:
        """The phases (N, B), or (N, 1) where no feature matters."""
        angles: Tensor = self.angles(x, w)
        return angles if angles.ndim == 2 else angles[:, None]

    def forward(self, state: Tensor, operand: Tensor | None) -> Tensor:
        return state * _turns(_given(operand))

    def back(
        self, bar: Tensor, before: Tensor, operand: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        angles = _given(operand)
        bar = bar * _turns(angles)
        if self.constant:
            return bar, None
        # A small turn moves the state by i times itself.
        gradient = -(bar * before).imag
        return bar, gradient.sum(1, keepdim=True) if angles.shape[1] == 1 else gradient


class Dense(Step):
    """Any other gate: its wires move to the front, it multiplies, they move back."""

    front: Tensor
    back_again: Tensor

    def __init__(self, op: Op, qubits: int, x: Products, w: Products, real: torch.dtype) -> None:
        super().__init__()
        self.gate, self.wires, count = op.gate, len(op.wires), len(op.params)
        self.values = Affine(torch.zeros(count), torch.eye(count), op.params, x=x, w=w, real=real)
        others = [wire for wire in range(qubits) if wire not in op.wires]
        front = torch.arange(2**qubits).reshape((2,) * qubits).permute(*op.wires, *others).flatten()
        self.register_buffer("front", front, persistent=False)
        self.register_buffer("back_again", front.argsort(), persistent=False)

    def operand(self, x: Tensor, w: Tensor) -> Tensor | None:
        """The matrix (G, G), or one for each sample (B, G, G)."""
        values: Tensor = self.values(x, w)
        return matrix(self.gate, values.T if values.ndim == 2 else values, self.wires)

    def forward(self, state: Tensor, operand: Tensor | None) -> Tensor:
        own = _given(operand)
        return self._placed(own @ self._rows(state, own))

    def back(
        self, bar: Tensor, before: Tensor, operand: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        own = _given(operand)
        bars, rows = self._rows(bar, own), self._rows(before, own)
        return self._placed(own.mT @ bars), (bars @ rows.mT).conj()

    def _rows(self, state: Tensor, own: Tensor) -> Tensor:
        """(N, B) -> (G, N/G * B) or (B, G, N/G), the gate's wires first."""
        size = 2**self.wires
        moved = state.index_select(0, self.front)
        if own.ndim == 2:
            return moved.reshape(size, -1)
        return moved.reshape(size, len(moved) // size, moved.shape[1]).permute(2, 0, 1)

    def _placed(self, rows: Tensor) -> Tensor:
        if rows.ndim == 3:
            rows = rows.permute(1, 2, 0)
        return rows.reshape(len(self.front), -1).index_select(0, self.back_again)


def _given(operand: Tensor | None) -> Tensor:
    if operand is None:
        raise ValueError("this step needs an operand")
    return operand


def _turns(angles: Tensor) -> Tensor:
    return torch.complex(torch.cos(angles), torch.sin(angles))


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


def own_states(wires: Sequence[int], qubits: int) -> Tensor:
    """(N,): each basis state as the gate sees it, its wires only."""
    rows = torch.arange(2**qubits)
    seen = torch.zeros_like(rows)
    for wire in wires:
        seen = seen * 2 + (rows >> (qubits - 1 - wire)) % 2
    return seen
