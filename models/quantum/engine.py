"""A batched state-vector simulator in plain torch: differentiable, exportable, equal to PennyLane.

Shapes: B batch, n qubits, N = 2^n, D features of a sample, W weights. The state is (N, B), samples
last: a permutation of basis states then moves whole rows, and gates that the batch shares are
matrix products. Single-qubit gates of a layer go together as Kronecker products of up to
`TOGETHER` wires; the state before the first entangling gate is a product and costs next to nothing.
"""

import itertools

import torch
from torch import Tensor, nn

from models.quantum.circuit import Circuit
from models.quantum.schedule import Step, schedule
from models.quantum.steps import Dense, Diagonal, Locals, Permute, Samples, together
from models.quantum.values import PerSample

TOGETHER = 4
"""Wires whose gates become one matrix: more arithmetic but fewer passes over the state."""


class Engine(nn.Module):
    """Runs one circuit for batches of samples.

    Args:
        circuit: what to run.
        dtype: complex64, or complex128 for twice the cost and full precision.
    """

    zero: Tensor
    signs: Tensor

    def __init__(self, circuit: Circuit, *, dtype: torch.dtype = torch.complex64) -> None:
        super().__init__()
        if not dtype.is_complex:
            raise ValueError(f"dtype={dtype}: allowed are torch.complex64 and torch.complex128")
        self.circuit, n, real = circuit, circuit.qubits, dtype.to_real()
        plan = schedule(circuit)
        layers = [step for step in (*plan.product, *plan.steps) if step.kind == "local"]
        self.locals = Locals([step.ops for step in layers], n, real) if layers else None
        self.product = nn.ModuleList(_module(step, n, real) for step in plan.product)
        self.steps = nn.ModuleList(_module(step, n, real) for step in plan.steps)
        self.amplitudes = PerSample(plan.prepared.params, real) if plan.prepared else None
        self.first = sum(step.kind == "local" for step in plan.product)
        self.active = [{op.wires[0] for op in step.ops} for step in layers[self.first :]]
        self.groups = [(group[0], len(group)) for group in _even(n)]
        zero = torch.zeros(2**n, 1, dtype=dtype)
        zero[0] = 1
        self.register_buffer("zero", zero, persistent=False)
        self.register_buffer("signs", _signs(n, real), persistent=False)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, D) features and (W,) weights -> (B, n) expectations of Z, or (B, N) probabilities."""
        parts = torch.view_as_real(self._run(x, w).contiguous())
        squares = parts.square()
        if self.circuit.measure == "z":
            # One matrix product for both parts of every amplitude: summing them first costs more.
            squares = (self.signs @ squares.flatten(1)).reshape(len(self.signs), -1, 2)
        measured = squares[..., 0] + squares[..., 1]
        return measured.T.expand(len(x), -1)

    def state(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, D) features and (W,) weights -> (B, N) complex amplitudes."""
        return self._run(x, w).T.expand(len(x), -1)

    def _run(self, x: Tensor, w: Tensor) -> Tensor:
        x, w = x.to(self.signs.dtype), w.to(self.signs.dtype)
        layers = self.locals(w) if self.locals is not None else self.zero.new_zeros(0)
        state: Tensor = self._start(x, w, layers)
        layers = layers[self.first :]
        merged = (
            [together(layers[:, at : at + size]) for at, size in self.groups] if len(layers) else []
        )
        layer = 0
        for step in self.steps:
            if isinstance(step, Local):
                state = self._local(state, merged, layer)
                layer += 1
            elif isinstance(step, Permute):
                state = step(state)
            else:
                state = step(state, x, w)
        return state

    def _start(self, x: Tensor, w: Tensor, layers: Tensor) -> Tensor:
        if self.amplitudes is not None:
            prepared: Tensor = self.amplitudes(x, w)
            return prepared.T.to(self.zero.dtype)
        spans: Tensor | None = None  # (n, B, 2)
        layer = 0
        for step in self.product:
            if isinstance(step, Local):
                own = layers[layer]
                spans = own[:, None, :, 0] if spans is None else spans @ own.mT
                layer += 1
            else:
                own = step(x, w)
                spans = own[..., 0] if spans is None else (own * spans[:, :, None]).sum(-1)
        if spans is None:
            return self.zero
        return _product(spans.mT)

    def _local(self, state: Tensor, merged: list[Tensor], layer: int) -> Tensor:
        shape = state.shape
        for (at, size), matrices in zip(self.groups, merged, strict=True):
            if self.active[layer].isdisjoint(range(at, at + size)):
                continue
            own = matrices[layer]
            if at == 0:
                state = own @ state.reshape(2**size, -1)
            else:
                rows = state.reshape(2**at, 2**size, -1)
                state = torch.bmm(own.expand(2**at, -1, -1), rows)
        return state.reshape(shape)


class Local(nn.Module):
    """Marks a layer of gates of one wire; `Locals` holds them."""


def _module(step: Step, qubits: int, real: torch.dtype) -> nn.Module:
    if step.kind == "local":
        return Local()
    if step.kind == "samples":
        return Samples(step.ops, qubits, real)
    if step.kind == "permute":
        return Permute(step.ops, qubits)
    if step.kind == "diagonal":
        return Diagonal(step.ops, qubits, real)
    return Dense(step.ops[0], qubits, real)


def _product(spans: Tensor) -> Tensor:
    """(n, 2, B) states of single wires -> (N, B)."""
    while len(spans) > 1 and len(spans) % 2 == 0:
        spans = (spans[0::2, :, None] * spans[1::2, None, :]).flatten(1, 2)
    found = spans[0]
    for after in spans[1:]:
        found = (found[:, None] * after).flatten(0, 1)
    return found


def _even(qubits: int) -> list[range]:
    """Wires in as few groups as `TOGETHER` allows, of sizes as equal as can be."""
    count = -(-qubits // TOGETHER)
    ends = [qubits * at // count for at in range(count + 1)]
    return [range(start, end) for start, end in itertools.pairwise(ends)]


def _signs(qubits: int, real: torch.dtype) -> Tensor:
    """(n, N): what Z of each wire is in each basis state."""
    rows = torch.arange(2**qubits)
    bits = torch.stack([rows >> (qubits - 1 - wire) & 1 for wire in range(qubits)])
    return (1 - 2 * bits).to(real)
