"""The engine's steps: each takes the state (N, B) to the next.

Shapes: n qubits, N = 2^n, B batch (1 as long as the state is the same for all samples), L layers of
single-qubit gates, G = 2^g for gates of g wires together.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.quantum.circuit import Op, Ref
from models.quantum.gates import gate, matrix
from models.quantum.schedule import differs
from models.quantum.values import PerSample, Shared


class Locals(nn.Module):
    """Matrices of all gates of one wire that the batch shares, for all layers at once.

    Args:
        layers: each layer's operations, in order.
        qubits: n.
        real: precision.
    """

    fixed: Tensor
    chain: Tensor

    def __init__(self, layers: Sequence[Sequence[Op]], qubits: int, real: torch.dtype) -> None:
        super().__init__()
        self.shape = (len(layers), qubits, 2, 2)
        ops = [op for layer in layers for op in layer]
        trained = sorted({op.gate for op in ops if _trained(op)})
        self.names = tuple(trained)
        self.shared = nn.ModuleList()
        fixed = [torch.eye(2, dtype=real.to_complex())]
        place: dict[int, int] = {}
        for op in ops:
            if not _trained(op):
                place[id(op)] = len(fixed)
                numbers = torch.tensor(op.params, dtype=torch.float64)
                fixed.append(matrix(op.gate, numbers).to(real.to_complex()))
        self.sizes: list[int] = []
        start = len(fixed)
        for name in trained:
            own = [op for op in ops if op.gate == name and _trained(op)]
            place |= {id(op): start + at for at, op in enumerate(own)}
            start += len(own)
            self.sizes.append(len(own))
            self.shared.append(Shared([value for op in own for value in op.params], real))
        chains = [
            [place[id(op)] for op in layer if op.wires == (wire,)]
            for layer in layers
            for wire in range(qubits)
        ]
        longest = max(map(len, chains), default=0)
        padded = [chain + [0] * (longest - len(chain)) for chain in chains]
        self.register_buffer("fixed", torch.stack(fixed), persistent=False)
        chain = torch.tensor(padded, dtype=torch.long).reshape(len(chains), longest).T.contiguous()
        self.register_buffer("chain", chain, persistent=False)
        self.longest = longest
        # Where every place is one trained gate, the pool already is in order.
        self.straight = (
            longest == 1
            and chain[0].tolist() == list(range(1, len(chains) + 1))
            and len(fixed) == 1
        )

    def forward(self, w: Tensor) -> Tensor:
        """(W,) weights -> (L, n, 2, 2)."""
        pool = [
            matrix(name, shared(w).reshape(size, -1))
            for name, shared, size in zip(self.names, self.shared, self.sizes, strict=True)
        ]
        if self.straight:
            return (
                torch.cat(pool).reshape(self.shape)
                if len(pool) > 1
                else pool[0].reshape(self.shape)
            )
        every = torch.cat([self.fixed, *pool])
        found = every.index_select(0, self.chain[0])
        for row in range(1, self.longest):
            found = torch.bmm(every.index_select(0, self.chain[row]), found)
        return found.reshape(self.shape)


def _trained(op: Op) -> bool:
    return any(isinstance(value, Ref) for value in op.params)


class Samples(nn.Module):
    """One gate on each of some wires, differing by sample, on a product state.

    Args:
        ops: on different wires.
    """

    def __init__(self, ops: Sequence[Op], qubits: int, real: torch.dtype) -> None:
        super().__init__()
        self.qubits = qubits
        self.parts: list[tuple[str, list[int], int]] = []
        self.lookups = nn.ModuleList()
        for name in sorted({op.gate for op in ops}):
            own = [op for op in ops if op.gate == name]
            self.parts.append((name, [op.wires[0] for op in own], len(own[0].params)))
            self.lookups.append(PerSample([value for op in own for value in op.params], real))
        wires = [wire for _, own, _ in self.parts for wire in own]
        idle = [wire for wire in range(qubits) if wire not in wires]
        order = torch.tensor(wires + idle).argsort()
        self.idle = len(idle)
        self.straight = order.tolist() == list(range(qubits))
        self.register_buffer("order", order, persistent=False)

    order: Tensor

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """-> (n, B, 2, 2)."""
        found = []
        for (name, wires, params), lookup in zip(self.parts, self.lookups, strict=True):
            values = lookup(x, w).reshape(len(x), len(wires), params)
            found.append(matrix(name, values.transpose(0, 1)))
        if self.idle:
            eye = torch.eye(2, dtype=found[0].dtype, device=x.device)
            found.append(eye.expand(self.idle, len(x), 2, 2))
        every = torch.cat(found) if len(found) > 1 else found[0]
        return every if self.straight else every.index_select(0, self.order)


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
            shift = torch.tensor(_places(op.wires, qubits))
            rest = torch.arange(2**qubits) - shift[own]
            sources = sources[rest + shift[torch.tensor(table)[own]]]
        self.register_buffer("sources", sources, persistent=False)
        self.register_buffer("back", sources.argsort(), persistent=False)

    def forward(self, state: Tensor) -> Tensor:
        return state.index_select(0, self.sources)


class Diagonal(nn.Module):
    """Phases of basis states: those of all gates add up."""

    fixed: Tensor
    by_weight: Tensor
    by_sample: Tensor

    def __init__(self, ops: Sequence[Op], qubits: int, real: torch.dtype) -> None:
        super().__init__()
        fixed = torch.zeros(2**qubits, dtype=torch.float64)
        weights: list[Ref] = []
        samples: list[Ref] = []
        by_weight: list[Tensor] = []
        by_sample: list[Tensor] = []
        for op in ops:
            rows = _phases(op)[_own(op.wires, qubits)]
            value = op.params[0] if op.params else 1.0
            if not isinstance(value, Ref):
                fixed += rows * value
            elif value.source == "w":
                weights.append(value)
                by_weight.append(rows)
            else:
                samples.append(value)
                by_sample.append(rows)
        self.weights = Shared(weights, real) if weights else None
        self.samples = PerSample(samples, real) if samples else None
        constant = not weights and not samples
        turned = torch.polar(torch.ones_like(fixed), fixed)[:, None].to(real.to_complex())
        self.register_buffer("fixed", turned if constant else fixed.to(real), persistent=False)
        for name, rows_of in (("by_weight", by_weight), ("by_sample", by_sample)):
            table = torch.stack(rows_of, 1).to(real) if rows_of else torch.zeros(0)
            self.register_buffer(name, table, persistent=False)

    def forward(self, state: Tensor, x: Tensor, w: Tensor) -> Tensor:
        if self.weights is None and self.samples is None:
            return state * self.fixed
        angles = self.fixed
        if self.weights is not None:
            angles = angles + self.by_weight @ self.weights(w)
        angles = angles[:, None]
        if self.samples is not None:
            angles = angles + self.by_sample @ self.samples(x, w).T
        return state * torch.complex(torch.cos(angles), torch.sin(angles))


class Dense(nn.Module):
    """Any other gate: its wires move to the front, it multiplies, they move back."""

    front: Tensor
    back: Tensor

    def __init__(self, op: Op, qubits: int, real: torch.dtype) -> None:
        super().__init__()
        self.gate, self.wires = op.gate, len(op.wires)
        self.by_sample = differs(op)
        self.values = (PerSample if self.by_sample else Shared)(op.params, real)
        others = [wire for wire in range(qubits) if wire not in op.wires]
        front = torch.arange(2**qubits).reshape((2,) * qubits).permute(*op.wires, *others).flatten()
        self.register_buffer("front", front, persistent=False)
        self.register_buffer("back", front.argsort(), persistent=False)

    def forward(self, state: Tensor, x: Tensor, w: Tensor) -> Tensor:
        moved, size = state.index_select(0, self.front), 2**self.wires
        if self.by_sample:
            own = matrix(self.gate, self.values(x, w), self.wires)
            rows = moved.reshape(size, len(moved) // size, moved.shape[-1]).permute(2, 0, 1)
            done = (own @ rows).permute(1, 2, 0)
        else:
            own = matrix(self.gate, self.values(w), self.wires)
            done = own @ moved.reshape(size, -1)
        return done.reshape(len(self.back), -1).index_select(0, self.back)


def together(matrices: Tensor) -> Tensor:
    """Kronecker products: (L, g, r, c) matrices of neighbouring wires -> (L, r^g, c^g)."""
    while matrices.shape[1] > 1 and matrices.shape[1] % 2 == 0:
        matrices = _kronecker(matrices[:, 0::2], matrices[:, 1::2])
    found = matrices[:, 0]
    for at in range(1, matrices.shape[1]):
        found = _kronecker(found, matrices[:, at])
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
