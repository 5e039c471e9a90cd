"""Circuits with depolarising noise after every gate, exactly and differentiable, in plain torch.

The state is its Pauli coefficients, r_P = tr(P rho) for all 4^n products P of I, X, Y and Z. They
are real, a gate is a real matrix on them (its Pauli transfer matrix), and depolarising a wire
multiplies by 1 - 4p/3 every coefficient in which the wire is not I: no channel has a step of its
own. Equal to PennyLane's default.mixed with a DepolarizingChannel on every wire after every gate.

Shapes: B batch, n qubits, N = 2^n, D features, W weights, w wires of a gate.
Source: Greenbaum 2015, https://arxiv.org/abs/1509.02921 (Pauli transfer matrices); Nielsen &
Chuang, section 8.3.4 (the depolarising channel; p is the probability that X, Y or Z strikes).
"""

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.quantum.affine import Affine, Products
from models.quantum.circuit import Circuit, Op, Ref
from models.quantum.gates import matrix


class MixedEngine(nn.Module):
    """Runs one circuit under noise; takes and gives what `Engine` does.

    Args:
        circuit: what to run.
        depolarising: p, after every gate, on each of its wires; state preparation is exact.
        dtype: float32, or float64 for full precision.

    Raises:
        ValueError: p is outside 0 to 1.
    """

    signs: Tensor
    measured: Tensor
    paulis_1: Tensor
    one: Tensor

    def __init__(
        self, circuit: Circuit, *, depolarising: float, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        if not 0 <= depolarising <= 1:
            raise ValueError(f"depolarising={depolarising}: allowed is 0 to 1")
        self.circuit, self.depolarising, n = circuit, depolarising, circuit.qubits
        refs = [value for op in circuit.ops for value in op.params if isinstance(value, Ref)]
        self.x = Products([ref for ref in refs if ref.source == "x"], circuit.features)
        self.w = Products([ref for ref in refs if ref.source == "w"], circuit.weights)
        self.values = nn.ModuleList(
            Affine(
                torch.zeros(len(op.params)),
                torch.eye(len(op.params)),
                op.params,
                x=self.x,
                w=self.w,
                real=dtype,
            )
            for op in circuit.ops
        )
        self.widest = max(
            (len(op.wires) for op in circuit.ops if op.gate != "StatePrep"), default=1
        )
        for wires in range(1, self.widest + 1):
            basis = _paulis(wires).to(dtype.to_complex())
            self.register_buffer(f"paulis_{wires}", basis, persistent=False)
        strings = [3 * 4 ** (n - 1 - wire) for wire in range(n)]  # Z on one wire, I on the others
        if circuit.measure == "probabilities":
            strings = [
                sum(z for at, z in enumerate(strings) if row >> (n - 1 - at) & 1)
                for row in range(2**n)
            ]
        self.register_buffer("measured", torch.tensor(strings), persistent=False)
        self.register_buffer("one", torch.eye(4, dtype=dtype), persistent=False)
        self.register_buffer("signs", _walsh(n).to(dtype) / 2**n, persistent=False)
        for at, op in enumerate(circuit.ops):
            if op.gate != "StatePrep" and not any(isinstance(value, Ref) for value in op.params):
                numbers = torch.tensor(op.params, dtype=dtype)
                self.register_buffer(f"fixed_{at}", self._transfer(op, numbers), persistent=False)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, D) features and (W,) weights -> expectations of Z (B, n) or probabilities (B, N)."""
        real = self.signs.dtype
        batch, x, w = len(x), self.x(x.to(real).T), self.w(w.to(real))
        state = self._start(x, w)
        waiting: dict[int, Tensor] = {}
        for at, op in enumerate(self.circuit.ops):
            if op.gate == "StatePrep":
                continue
            fixed: Tensor | None = getattr(self, f"fixed_{at}", None)
            own = fixed
            if own is None:
                values = self.values[at](x, w)
                own = self._transfer(op, values.T if values.ndim == 2 else values)
            if len(op.wires) == 1:
                before = waiting.get(op.wires[0])
                waiting[op.wires[0]] = own if before is None else own @ before
                continue
            # What waits on these wires goes into the same matrix, unless it differs by sample.
            parts = [waiting.pop(wire, self.one) for wire in op.wires]
            if own.ndim == 2 and all(part.ndim == 2 for part in parts):
                own = own @ functools.reduce(torch.kron, parts)
            else:
                for wire, part in zip(op.wires, parts, strict=True):
                    state = self._turned(state, part, (wire,))
            state = self._turned(state, own, op.wires)
        for wire, own in waiting.items():
            state = self._turned(state, own, (wire,))
        found = state.index_select(0, self.measured)
        if self.circuit.measure == "probabilities":
            found = self.signs @ found
        return found.T.expand(batch, -1)

    def _start(self, x: Tensor, w: Tensor) -> Tensor:
        """(4^n, B) coefficients of |0...0>, or of what is prepared; B may be 1."""
        n, first = self.circuit.qubits, self.circuit.ops[:1]
        if first and first[0].gate == "StatePrep":
            given = self.values[0](x, w)
            return self._coefficients(given.T if given.ndim == 2 else given[None])
        one = self.signs.new_tensor([1, 0, 0, 1])
        return functools.reduce(torch.kron, [one] * n)[:, None]

    def _coefficients(self, amplitudes: Tensor) -> Tensor:
        """(B, 2^n) real amplitudes -> (4^n, B)."""
        n, batch = self.circuit.qubits, len(amplitudes)
        outer = (amplitudes[:, :, None] * amplitudes[:, None, :]).to(self.paulis_1.dtype)
        # Rows and columns of the same wire side by side, then each pair becomes a coefficient.
        order = [0, *(axis for wire in range(n) for axis in (1 + wire, 1 + n + wire))]
        found = outer.reshape(batch, *[2] * 2 * n).permute(order)
        for _ in range(n):
            # tr(P rho) sums over rows a and columns b of rho with P[b, a].
            found = torch.tensordot(found, self.paulis_1.mT, dims=([1, 2], [1, 2]))
        return found.real.reshape(batch, -1).T

    def _transfer(self, op: Op, values: Tensor) -> Tensor:
        """(..., P) parameters -> (..., 4^w, 4^w): the gate, then depolarising of its wires."""
        own, wires = matrix(op.gate, values, len(op.wires)), len(op.wires)
        basis: Tensor = getattr(self, f"paulis_{wires}")
        moved = own[..., None, :, :] @ basis @ own.mH[..., None, :, :]  # U P_j U^dagger
        found = torch.einsum("iab,...jba->...ij", basis, moved).real / 2**wires
        transfer: Tensor = self._kept(wires)[:, None] * found
        return transfer

    def _kept(self, wires: int) -> Tensor:
        """(4^w,): what depolarising leaves of each coefficient."""
        left = 1 - 4 * self.depolarising / 3
        return functools.reduce(torch.kron, [self.signs.new_tensor([1, left, left, left])] * wires)

    def _turned(self, state: Tensor, own: Tensor, wires: Sequence[int]) -> Tensor:
        """(4^n, B) -> the same after a transfer matrix (4^w, 4^w), or one for each sample."""
        n, size = self.circuit.qubits, 4 ** len(wires)
        front = list(range(len(wires)))
        state = state.reshape(*[4] * n, state.shape[-1]).movedim(list(wires), front)
        shape = tuple(state.shape)
        if own.ndim == 2:
            done = own @ state.reshape(size, -1)
        else:
            rows = state.reshape(size, 4**n // size, shape[-1]).permute(2, 0, 1)
            done = (own @ rows).permute(1, 2, 0)
            shape = (*shape[:-1], len(own))
        return done.reshape(shape).movedim(front, list(wires)).reshape(4**n, shape[-1])


def _paulis(wires: int) -> Tensor:
    """(4^w, 2^w, 2^w): all products of I, X, Y and Z."""
    numbers = torch.zeros(0, dtype=torch.float64)
    one = [matrix(name, numbers) for name in ("Identity", "PauliX", "PauliY", "PauliZ")]
    every = [torch.ones(1, 1, dtype=torch.complex128)]
    for _ in range(wires):
        every = [torch.kron(before, pauli) for before in every for pauli in one]
    return torch.stack(every)


def _walsh(qubits: int) -> Tensor:
    """(2^n, 2^n): -1 where an odd number of wires is 1 in both row and column."""
    two = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
    return functools.reduce(torch.kron, [two] * qubits)
