"""A batched state-vector simulator in plain torch: differentiable, exportable, equal to PennyLane.

The state is (N, B), samples last: a permutation of basis states then moves whole rows, and gates
that the batch shares are matrix products. Gates of single wires go together as Kronecker products
of up to `TOGETHER` wires; the state before the first entangling gate is a product and costs next to
nothing.

Shapes: B batch, n qubits, N = 2^n, D features of a sample, W weights.
"""

import itertools

import torch
from torch import Tensor, nn

from models.quantum.affine import Affine, Products
from models.quantum.circuit import Circuit, Op, Ref
from models.quantum.evolution import evolve
from models.quantum.kronecker import product, together
from models.quantum.memory import check_state
from models.quantum.rotations import Rotations
from models.quantum.schedule import Together, schedule
from models.quantum.steps import Dense, Diagonal, Multiply, Permute, Step

TOGETHER = 4
"""Wires whose gates become one matrix: more arithmetic but fewer passes over the state."""


class Engine(nn.Module):
    """Runs one circuit for batches of samples.

    Gradients are exact; gradients of gradients there are none.

    Args:
        circuit: what to run.
        dtype: complex64, or complex128 for twice the cost and full precision.

    Raises:
        ValueError: dtype is not complex, or memory does not hold a state.
    """

    zero: Tensor
    signs: Tensor
    sources: Tensor

    def __init__(self, circuit: Circuit, *, dtype: torch.dtype = torch.complex64) -> None:
        super().__init__()
        if not dtype.is_complex:
            raise ValueError(f"dtype={dtype}: allowed are torch.complex64 and torch.complex128")
        check_state(circuit.qubits, amplitude=dtype.itemsize)
        self.circuit, self.real, n = circuit, dtype.to_real(), circuit.qubits
        refs = [value for op in circuit.ops for value in op.params if isinstance(value, Ref)]
        self.x = Products([ref for ref in refs if ref.source == "x"], circuit.features)
        self.w = Products([ref for ref in refs if ref.source == "w"], circuit.weights)
        plan = schedule(circuit)
        self.amplitudes = _amplitudes(plan.prepared, self.x, self.w, self.real)
        self.prepared = plan.prepared is not None
        self.product = [step.kind for step in plan.product]
        self.samples = nn.ModuleList(
            Rotations(_chains(step, n), self.x, self.w, self.real, columns=2 if at else 1)
            for at, step in enumerate(plan.product)
            if step.kind == "samples"
        )
        layers = [step for step in (*plan.product, *plan.steps) if step.kind == "local"]
        chains = [chain for step in layers for chain in _chains(step, n)]
        self.locals = Rotations(chains, self.x, self.w, self.real) if layers else None
        self._arrange(plan.steps)
        zero = torch.zeros(2**n, 1, dtype=dtype)
        zero[0] = 1
        self.register_buffer("zero", zero, persistent=False)

    def _arrange(self, plan: tuple[Together, ...]) -> None:
        """Make the steps, and take from their end what only changes which state is measured."""
        n = self.circuit.qubits
        self.groups = _even(n)
        self.places: list[tuple[int, int]] = []  # group and layer of each matrix
        steps: list[Step] = []
        layer = 0
        for step in plan:
            if step.kind == "local":
                for at, group in enumerate(self.groups):
                    if any(op.wires[0] in group for op in step.ops):
                        steps.append(Multiply(before=2 ** group[0], size=2 ** len(group)))
                        self.places.append((at, layer))
                layer += 1
            elif step.kind == "permute":
                steps.append(Permute(step.ops, n))
            elif step.kind == "diagonal":
                steps.append(Diagonal(step.ops, n, self.x, self.w, self.real))
            else:
                steps.append(Dense(step.ops[0], n, self.x, self.w, self.real))
        self.layers, tail = layer, len(steps)
        while tail and _moves_only(steps[tail - 1]):
            tail -= 1
        self.steps, self.tail = nn.ModuleList(steps[:tail]), nn.ModuleList(steps[tail:])
        sources = torch.arange(2**n)
        for last in steps[tail:]:
            sources = sources[last.sources] if isinstance(last, Permute) else sources
        self.register_buffer("sources", sources, persistent=False)
        signs = _signs(n, self.real)[:, sources.argsort()]
        self.register_buffer("signs", signs.contiguous(), persistent=False)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, D) features and (W,) weights -> (B, n) expectations of Z, or (B, N) probabilities."""
        features, weights = self._entries(x, w)
        start, matrices = self._start(features, weights)
        steps = _typed(self.steps)
        operands = _operands(steps, features, weights, matrices)
        z = self.circuit.measure == "z"
        measured = evolve(start, steps, operands, self.signs if z else None)
        if len(self.tail) and not z:
            measured = measured.index_select(0, self.sources)
        return measured.T if self.circuit.features else measured.T.expand(len(x), -1)

    @torch.no_grad()
    def state(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, D) features and (W,) weights -> (B, N) complex amplitudes, without gradients."""
        features, weights = self._entries(x, w)
        state, matrices = self._start(features, weights)
        steps = [*_typed(self.steps), *_typed(self.tail)]
        operands = _operands(steps, features, weights, matrices)
        for step, operand in zip(steps, operands, strict=True):
            state = step(state, operand)
        return state.T if self.circuit.features else state.T.expand(len(x), -1)

    def _entries(self, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        """Features (D, B) and weights (W,), with the products of them that the circuit names."""
        return self.x(x.to(self.real).T), self.w(w.to(self.real))

    def _start(self, x: Tensor, w: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The state (N, B) before the steps, B = 1 if it knows no feature; matrices of the steps.

        The matrices of all layers are made together, those of the product state too.
        """
        before, after = self._layers(x, w)
        matrices: list[Tensor] = []
        if after is not None:
            parts = torch.split(after, [len(group) for group in self.groups], 1)
            merged = [together(part).unbind(0) for part in parts]
            matrices = [merged[group][layer] for group, layer in self.places]
        if self.prepared:
            given: Tensor = (
                x[: len(self.zero)] if self.amplitudes is None else self.amplitudes(x, w)
            )
            return given.reshape(len(self.zero), -1).to(self.zero.dtype), matrices
        return self._product(x, w, before), matrices

    def _layers(self, x: Tensor, w: Tensor) -> tuple[list[Tensor], Tensor | None]:
        """Matrices (n, 2, 2) of each layer of the product state; (L, n, 2, 2) of those after."""
        if self.locals is None:
            return [], None
        n, early = self.circuit.qubits, self.product.count("local")
        every: Tensor = self.locals(x, w)
        if not self.layers:
            return list(torch.split(every, n)), None
        after_shape = (self.layers, n, 2, 2)
        if not early:
            return [], every.reshape(after_shape)
        before, after = torch.split(every, [early * n, self.layers * n])
        return list(torch.split(before, n)) if early > 1 else [before], after.reshape(after_shape)

    def _product(self, x: Tensor, w: Tensor, layers: list[Tensor]) -> Tensor:
        """The state (N, B) that gates of single wires make of |0...0>."""
        spans: Tensor | None = None  # (n, 2, B)
        gates: Tensor | None = None  # (n, 2, 2), the last ones
        shared, samples = iter(layers), iter(self.samples)
        for at, kind in enumerate(self.product):
            own = next(shared) if kind == "local" else next(samples)(x, w)
            if spans is None:
                spans = own[:, :, :1] if kind == "local" else own[:, :, 0]
            elif kind == "samples":
                spans = (own * spans[:, None]).sum(2)
            elif at < len(self.product) - 1:
                spans = own @ spans
            else:
                gates = own
        return self.zero if spans is None else product(spans, gates)


def _operands(
    steps: list[Step], x: Tensor, w: Tensor, matrices: list[Tensor]
) -> list[Tensor | None]:
    """What each step takes: matrices in their order, and what others make of features."""
    left = iter(matrices)
    return [next(left) if isinstance(step, Multiply) else step.operand(x, w) for step in steps]


def _amplitudes(op: Op | None, x: Products, w: Products, real: torch.dtype) -> Affine | None:
    """Amplitudes of a prepared state, unless they are the features in their order."""
    if op is None or op.params == tuple(Ref("x", at) for at in range(len(op.params))):
        return None
    count = len(op.params)
    return Affine(torch.zeros(count), torch.eye(count), op.params, x=x, w=w, real=real)


def _typed(steps: nn.ModuleList) -> list[Step]:
    return [step for step in steps if isinstance(step, Step)]


def _chains(step: Together, qubits: int) -> list[list[Op]]:
    """For each wire, its operations."""
    return [[op for op in step.ops if op.wires == (wire,)] for wire in range(qubits)]


def _moves_only(step: Step) -> bool:
    return isinstance(step, Permute) or (isinstance(step, Diagonal) and step.constant)


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
