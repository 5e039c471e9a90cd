"""A circuit rearranged into few large steps, for an engine that pays by the step.

Every gate is written in four kinds: gates of one wire that are the same for the whole batch, which
merge into one matrix a wire; permutations of basis states, which merge into one index; diagonal
gates, whose phases add up; and the rest, as matrices. A rotation about X or Y that differs by
sample is a diagonal one between two fixed changes of basis. An operation moves to the earliest
step of its kind that comes after everything it does not commute with by sharing a wire.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from models.quantum.circuit import Circuit, Op, Param, Ref
from models.quantum.gates import gate

Kind = Literal["local", "samples", "permute", "diagonal", "dense"]
"""What a step holds: local and samples are gates of one wire, shared by the batch or not."""
QUARTER = math.pi / 2
TO_X = (Op("Hadamard", (0,)),)
TO_Y = (Op("PhaseShift", (0,), (-QUARTER,)), Op("Hadamard", (0,)))
FROM_Y = (Op("Hadamard", (0,)), Op("S", (0,)))
BASES = {"X": (TO_X, TO_X), "Y": (TO_Y, FROM_Y)}
TURNED = {
    "RX": ("RZ", "X"),
    "RY": ("RZ", "Y"),
    "CRX": ("CRZ", "X"),
    "CRY": ("CRZ", "Y"),
    "CY": ("CZ", "Y"),
    "IsingXX": ("IsingZZ", "X"),
    "IsingYY": ("IsingZZ", "Y"),
}
"""Gates that are another gate, of diagonal form, in another basis: of the last wire under control,
else of all."""


@dataclass
class Together:
    """Operations of one kind, in order: one step of the engine, or a few."""

    kind: Kind
    ops: list[Op] = field(default_factory=list)


@dataclass(frozen=True)
class Schedule:
    """What the engine does, in order.

    Args:
        product: local and samples steps before any wire is entangled: the state is a product.
        steps: those after.
        prepared: the state preparation, where there is one; `product` is then empty.
    """

    product: tuple[Together, ...]
    steps: tuple[Together, ...]
    prepared: Op | None


def schedule(circuit: Circuit) -> Schedule:
    """Rearrange a circuit; the state it makes stays the same."""
    ops = list(circuit.ops)
    prepared = ops.pop(0) if ops and ops[0].gate == "StatePrep" else None
    product, later = _Queue(circuit.qubits), _Queue(circuit.qubits)
    entangled = set(range(circuit.qubits)) if prepared else set()
    for op in ops:
        if len(op.wires) == 1 and op.wires[0] not in entangled:
            product.add("samples" if differs(op) else "local", op)
            continue
        entangled.update(op.wires)
        for simple in _simplified(op):
            later.add(_kind(simple), simple)
    return Schedule(tuple(product.steps), tuple(later.steps), prepared)


def differs(op: Op) -> bool:
    """Whether the gate depends on the sample."""
    return any(isinstance(value, Ref) and value.source == "x" for value in op.params)


class _Queue:
    """Steps that take each operation as early as its wires allow."""

    def __init__(self, qubits: int) -> None:
        self.steps: list[Together] = []
        self._last = [0] * qubits

    def add(self, kind: Kind, op: Op) -> None:
        at = max(self._last[wire] for wire in op.wires)
        while at < len(self.steps) and not self._takes(at, kind, op):
            at += 1
        if at == len(self.steps):
            self.steps.append(Together(kind))
        self.steps[at].ops.append(op)
        for wire in op.wires:
            self._last[wire] = at

    def _takes(self, at: int, kind: Kind, op: Op) -> bool:
        """Steps that are matrices take one operation; samples one a wire."""
        step = self.steps[at]
        if step.kind != kind or kind == "dense":
            return False
        return kind != "samples" or all(other.wires != op.wires for other in step.ops)


def _kind(op: Op) -> Kind:
    found = gate(op.gate, len(op.wires))
    if len(op.wires) == 1 and not differs(op):
        return "local"
    if found.sources is not None:
        return "permute"
    return "diagonal" if found.phases is not None or op.gate in ("CZ", "CCZ") else "dense"


def _simplified(op: Op) -> Iterator[Op]:
    """The same operation in gates that merge."""
    shared_local = len(op.wires) == 1 and not differs(op)
    if op.gate in TURNED and not shared_local:
        name, basis = TURNED[op.gate]
        turned = op.wires if op.gate.startswith("Ising") else op.wires[-1:]
        before, after = BASES[basis]
        yield from (Op(o.gate, (wire,), o.params) for wire in turned for o in before)
        yield Op(name, op.wires, op.params)
        yield from (Op(o.gate, (wire,), o.params) for wire in turned for o in after)
    elif op.gate in REWRITTEN and not shared_local:
        for simple in REWRITTEN[op.gate](op.wires, op.params):
            yield from _simplified(simple)
    else:
        yield op


Wires = tuple[int, ...]
Params = tuple[Param, ...]


def _rot(wires: Wires, params: Params) -> list[Op]:
    names = ("RZ", "RY", "RZ") if len(wires) == 1 else ("CRZ", "CRY", "CRZ")
    return [Op(name, wires, (value,)) for name, value in zip(names, params, strict=True)]


def _u3(wires: Wires, params: Params) -> list[Op]:
    theta, phi, delta = params
    return [
        Op("PhaseShift", wires, (delta,)),
        Op("RY", wires, (theta,)),
        Op("PhaseShift", wires, (phi,)),
    ]


def _u2(wires: Wires, params: Params) -> list[Op]:
    return _u3(wires, (QUARTER, *params))


def _ch(wires: Wires, _: Params) -> list[Op]:
    eighth, target = QUARTER / 2, wires[-1:]
    return [Op("RY", target, (-eighth,)), Op("CZ", wires), Op("RY", target, (eighth,))]


def _iswap(wires: Wires, _: Params) -> list[Op]:
    turned = [Op("S", (wire,)) for wire in wires]
    return [*turned, Op("CZ", wires), Op("SWAP", wires)]


REWRITTEN = {"Rot": _rot, "CRot": _rot, "U3": _u3, "U2": _u2, "CH": _ch, "ISWAP": _iswap}
