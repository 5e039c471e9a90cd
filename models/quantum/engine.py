"""A batched state-vector simulator in plain torch: differentiable, exportable, equal to PennyLane.

Shapes: B batch, n qubits, N = 2^n, D features of a sample, W weights. The state is (N, B), samples
last: a permutation of basis states then moves whole rows, and gates that the batch shares are
matrix products. Single-qubit gates of a layer go together as Kronecker products of up to
`TOGETHER` wires; the state before the first entangling gate is a product and costs next to nothing.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.quantum.affine import Affine, Products
from models.quantum.circuit import Circuit, Op, Ref
from models.quantum.rotations import Rotations
from models.quantum.schedule import Step, schedule
from models.quantum.steps import Dense, Diagonal, Permute, together

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
    sources: Tensor

    def __init__(self, circuit: Circuit, *, dtype: torch.dtype = torch.complex64) -> None:
        super().__init__()
        if not dtype.is_complex:
            raise ValueError(f"dtype={dtype}: allowed are torch.complex64 and torch.complex128")
        self.circuit, n, real = circuit, circuit.qubits, dtype.to_real()
        refs = [value for op in circuit.ops for value in op.params if isinstance(value, Ref)]
        self.x = Products([ref for ref in refs if ref.source == "x"], circuit.features)
        self.w = Products([ref for ref in refs if ref.source == "w"], circuit.weights)
        plan = schedule(circuit)
        self.prepared = plan.prepared is not None
        self.amplitudes = None
        if plan.prepared and plan.prepared.params != tuple(Ref("x", at) for at in range(2**n)):
            self.amplitudes = Affine(
                torch.zeros(2**n),
                torch.eye(2**n),
                plan.prepared.params,
                x=self.x,
                w=self.w,
                real=real,
            )
        self.product = nn.ModuleList(
            Rotations(_chains(step, range(n)), self.x, self.w, real) for step in plan.product
        )
        self.groups = [len(group) for group in _even(n)]
        layers = [step for step in plan.steps if step.kind == "local"]
        self.busy = [_busy(step, self.groups) for step in layers]
        chains = [chain for step in layers for chain in _chains(step, range(n))]
        self.locals = Rotations(chains, self.x, self.w, real) if layers else None
        steps = [self._module(step, real) for step in plan.steps]
        tail = len(steps)
        while tail and (isinstance(steps[tail - 1], Permute) or _constant(steps[tail - 1])):
            tail -= 1
        # Steps at the end that move or turn basis states change what is measured by a permutation.
        self.steps, self.tail = nn.ModuleList(steps[:tail]), nn.ModuleList(steps[tail:])
        sources = torch.arange(2**n)
        for step in self.tail:
            sources = sources[step.sources] if isinstance(step, Permute) else sources
        zero = torch.zeros(2**n, 1, dtype=dtype)
        zero[0] = 1
        self.register_buffer("zero", zero, persistent=False)
        self.register_buffer("sources", sources, persistent=False)
        signs = _signs(n, real)[:, sources.argsort()]
        self.register_buffer("signs", signs.contiguous(), persistent=False)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, D) features and (W,) weights -> (B, n) expectations of Z, or (B, N) probabilities."""
        parts = torch.view_as_real(self._run(x, w))
        squares = parts.square()
        if self.circuit.measure == "z":
            # One matrix product for both parts of every amplitude: summing them first costs more.
            squares = (self.signs @ squares.flatten(1)).reshape(len(self.signs), -1, 2)
        real, imaginary = squares.unbind(-1)
        measured = real + imaginary
        if self.circuit.measure == "probabilities" and len(self.tail):
            measured = measured.index_select(0, self.sources)
        return measured.T.expand(len(x), -1)

    def state(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, D) features and (W,) weights -> (B, N) complex amplitudes."""
        state = self._run(x, w)
        for step in self.tail:
            state = step(state) if isinstance(step, Permute) else step(state, x, w)
        return state.T.expand(len(x), -1)

    def _run(self, x: Tensor, w: Tensor) -> Tensor:
        x, w = self.x(x.to(self.signs.dtype)), self.w(w.to(self.signs.dtype))
        state = self._start(x, w)
        layers = iter(self._layers(x, w))
        for step in self.steps:
            if isinstance(step, Local):
                state = _multiply(state, next(layers), self.groups)
            elif isinstance(step, Permute):
                state = step(state)
            else:
                state = step(state, x, w)
        return state

    def _start(self, x: Tensor, w: Tensor) -> Tensor:
        """The state (N, B) before anything is entangled; B is 1 where no feature was used."""
        if self.prepared:
            given: Tensor = x if self.amplitudes is None else self.amplitudes(x, w)
            return given.reshape(-1, given.shape[-1])[:, : len(self.zero)].T.to(self.zero.dtype)
        spans: Tensor | None = None  # (n, B, 2)
        for step in self.product:
            own = step(x, w)
            shared = own.ndim == 3
            if spans is None:
                spans = own[:, None, :, 0] if shared else own[..., 0]
            else:
                spans = spans @ own.mT if shared else (own @ spans[..., None])[..., 0]
        return self.zero if spans is None else _product(spans.mT)

    def _layers(self, x: Tensor, w: Tensor) -> list[list[Tensor | None]]:
        """For each layer of gates of one wire, a matrix for each group of wires, or None."""
        if self.locals is None:
            return []
        every = self.locals(x, w).reshape(len(self.busy), self.circuit.qubits, 2, 2)
        merged = [together(group).unbind(0) for group in every.split(self.groups, 1)]
        return [
            [own if used else None for own, used in zip(layer, busy, strict=True)]
            for layer, busy in zip(zip(*merged, strict=True), self.busy, strict=True)
        ]

    def _module(self, step: Step, real: torch.dtype) -> nn.Module:
        n = self.circuit.qubits
        if step.kind == "local":
            return Local()
        if step.kind == "permute":
            return Permute(step.ops, n)
        if step.kind == "diagonal":
            return Diagonal(step.ops, n, self.x, self.w, real)
        return Dense(step.ops[0], n, self.x, self.w, real)


class Local(nn.Module):
    """Marks a layer of gates of one wire; their matrices are made for all layers at once."""


def _multiply(state: Tensor, groups: Sequence[Tensor | None], sizes: Sequence[int]) -> Tensor:
    """Apply to each group of wires its matrix (G, G), where it has one; the state is (N, B)."""
    shape, before = state.shape, 1
    for own, size in zip(groups, sizes, strict=True):
        if own is not None and before == 1:
            state = own @ state.reshape(2**size, -1)
        elif own is not None:
            rows = state.reshape(before, 2**size, -1)
            state = torch.bmm(own.expand(before, -1, -1), rows)
        before *= 2**size
    return state.reshape(shape)


def _chains(step: Step, wires: range) -> list[list[Op]]:
    """For each wire, its operations."""
    return [[op for op in step.ops if op.wires == (wire,)] for wire in wires]


def _busy(step: Step, groups: Sequence[int]) -> list[bool]:
    """Whether each group of wires has an operation."""
    ends = itertools.accumulate(groups, initial=0)
    touched = {op.wires[0] for op in step.ops}
    return [any(a <= wire < b for wire in touched) for a, b in itertools.pairwise(ends)]


def _constant(step: nn.Module) -> bool:
    return isinstance(step, Diagonal) and step.constant


def _product(spans: Tensor) -> Tensor:
    """(n, 2, B) states of single wires -> (N, B)."""
    while len(spans) > 1 and len(spans) % 2 == 0:
        one, other = spans.reshape(len(spans) // 2, 2, *spans.shape[1:]).unbind(1)
        spans = (one[:, :, None] * other[:, None]).flatten(1, 2)
    found, *after = spans.unbind(0)
    for other in after:
        found = (found[:, None] * other).flatten(0, 1)
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
