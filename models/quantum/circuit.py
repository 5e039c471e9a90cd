"""A circuit as data: gates by name, wires, and parameters that are numbers, features or weights.

A circuit can be written as JSON and read back, compared, and run by any of the engines. Shapes:
n qubits, D features of a sample, W weights.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeGuard

import torch

from models.quantum.gates import gate

VERSION = 1
TOLERANCE = 1e-6
"""How far a matrix may be from unitary: what complex64 loses on the way here."""
Measure = Literal["z", "probabilities"]
MEASURES: tuple[Measure, ...] = ("z", "probabilities")


@dataclass(frozen=True)
class Ref:
    """A parameter that is known when the circuit runs.

    Args:
        source: x for a sample's features, w for the trained weights.
        index: which entry.
        scale: what it is multiplied by.
        times: further entries of the same source to multiply by, for encodings of products.
    """

    source: Literal["x", "w"]
    index: int
    scale: float = 1.0
    times: tuple[int, ...] = ()


Param = float | Ref


def x(index: int, *times: int, scale: float = 1.0) -> Ref:
    """A feature, or the product of several."""
    return Ref("x", index, scale, times)


def w(index: int, *, scale: float = 1.0) -> Ref:
    """A trained weight."""
    return Ref("w", index, scale)


@dataclass(frozen=True)
class Op:
    """A gate on wires.

    Raises:
        ValueError: there is no such gate, or it takes other numbers of wires or parameters.
    """

    gate: str
    wires: tuple[int, ...]
    params: tuple[Param, ...] = ()

    def __post_init__(self) -> None:
        if not self.wires or len(set(self.wires)) != len(self.wires):
            raise ValueError(f"{self.gate}: wires={self.wires}: needs one wire or more, each once")
        found = gate(self.gate, len(self.wires))
        for what, given, needed in (
            ("wires", self.wires, found.wires),
            ("params", self.params, found.params),
        ):
            if len(given) != needed:
                raise ValueError(f"{self.gate}: {len(given)} {what} given, it takes {needed}")
        for value in self.params:
            if not isinstance(value, Ref) and not math.isfinite(value):
                raise ValueError(f"{self.gate}: params={self.params}: must be finite")
        if self.gate == "QubitUnitary":
            _check_unitary(self)


def unitary(matrix: Any, wires: Sequence[int]) -> Op:
    """QubitUnitary on wires, from a complex (2^w, 2^w) matrix.

    Raises:
        ValueError: the matrix is not square, not of 2^w rows, or not unitary.
    """
    entries = torch.as_tensor(matrix).to(torch.complex128).resolve_conj()
    if entries.shape != (2 ** len(wires), 2 ** len(wires)):
        raise ValueError(
            f"QubitUnitary: a matrix of shape {tuple(entries.shape)} does not act on "
            f"{len(wires)} wires: give one of {2 ** len(wires)} rows and columns"
        )
    numbers = torch.view_as_real(entries.contiguous()).flatten().tolist()
    return Op("QubitUnitary", tuple(wires), tuple(numbers))


@dataclass(frozen=True)
class Circuit:
    """Operations in order, and what is measured at the end.

    Args:
        qubits: n; wires are 0 to n - 1.
        ops: applied to |0...0>.
        measure: z for the n expectation values of Pauli Z, probabilities for those of the 2^n
            basis states.

    Raises:
        ValueError: a wire does not exist, StatePrep is not first or not on all wires, or a
            measurement is unknown.
    """

    qubits: int
    ops: tuple[Op, ...]
    measure: Measure = "z"
    features: int = field(init=False)
    """D, as many as the operations name."""
    weights: int = field(init=False)
    """W, as many as the operations name."""

    def __post_init__(self) -> None:
        if self.qubits < 1:
            raise ValueError(f"qubits={self.qubits}: a circuit needs at least 1")
        if self.measure not in MEASURES:
            raise ValueError(f"measure={self.measure!r}: allowed are {', '.join(MEASURES)}")
        for place, op in enumerate(self.ops):
            if not all(0 <= wire < self.qubits for wire in op.wires):
                raise ValueError(f"{op.gate} on wires {op.wires}: there are 0 to {self.qubits - 1}")
            if op.gate == "StatePrep" and (place or op.wires != tuple(range(self.qubits))):
                raise ValueError("StatePrep must be the first operation, on all wires in order")
        object.__setattr__(self, "features", self._entries("x"))
        object.__setattr__(self, "weights", self._entries("w"))

    def _entries(self, source: str) -> int:
        refs = (p for op in self.ops for p in op.params if isinstance(p, Ref))
        return max((max(r.index, *r.times, 0) + 1 for r in refs if r.source == source), default=0)

    @cached_property
    def entangling(self) -> int:
        """Operations on more than one wire, state preparation aside."""
        return sum(len(op.wires) > 1 and op.gate != "StatePrep" for op in self.ops)


def to_dict(circuit: Circuit) -> dict[str, Any]:
    """What JSON holds of a circuit; `from_dict` reads it."""
    return {
        "version": VERSION,
        "qubits": circuit.qubits,
        "measure": circuit.measure,
        "ops": [
            {"gate": op.gate, "wires": list(op.wires), "params": [_written(p) for p in op.params]}
            for op in circuit.ops
        ],
    }


def from_dict(data: Mapping[str, Any]) -> Circuit:
    """The circuit that `to_dict` wrote.

    Raises:
        ValueError: another version, keys that are missing or too many, values of another type, or
            whatever `Circuit` refuses.
    """
    fields = exactly(data, {"version", "qubits", "measure", "ops"}, "a circuit")
    if fields["version"] != VERSION:
        raise ValueError(f"circuit version={fields['version']!r}: this code reads {VERSION}")
    if not _whole(fields["qubits"]) or not isinstance(fields["ops"], list):
        raise ValueError("a circuit: qubits must be a whole number and ops a list")
    return Circuit(fields["qubits"], tuple(map(_op, fields["ops"])), fields["measure"])


def exactly(data: object, keys: set[str], what: str) -> Mapping[str, Any]:
    """The mapping, if it has these keys and no others.

    Raises:
        ValueError: it has not; names them.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"{what}: must be an object, not {type(data).__name__}")
    if set(data) != keys:
        missing, extra = sorted(keys - set(data)), sorted(set(data) - keys, key=str)
        raise ValueError(f"{what}: missing keys {missing}, unknown keys {extra}")
    return data


def _op(data: object) -> Op:
    fields = exactly(data, {"gate", "wires", "params"}, "an operation")
    name, wires, params = fields["gate"], fields["wires"], fields["params"]
    if not isinstance(name, str) or not isinstance(params, list) or not _wholes(wires):
        raise ValueError(f"an operation: gate must be a name, wires and params lists: {data}")
    return Op(name, tuple(wires), tuple(map(_read, params)))


def _written(param: Param) -> Any:
    if not isinstance(param, Ref):
        return float(param)
    return {"source": param.source, "scale": param.scale, "index": [param.index, *param.times]}


def _read(data: object) -> Param:
    if isinstance(data, int | float) and not isinstance(data, bool):
        return float(data)
    fields = exactly(data, {"source", "scale", "index"}, "a parameter")
    source, scale, index = fields["source"], fields["scale"], fields["index"]
    if source not in ("x", "w") or not isinstance(scale, int | float) or not _wholes(index):
        raise ValueError(f"a parameter: source must be x or w, index a list of places: {data}")
    return Ref(source, index[0], float(scale), tuple(index[1:]))


def _wholes(values: object) -> TypeGuard[list[int]]:
    return isinstance(values, list) and bool(values) and all(map(_whole, values))


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _check_unitary(op: Op) -> None:
    if any(isinstance(value, Ref) for value in op.params):
        raise ValueError("QubitUnitary: its matrix must be numbers, not features or weights")
    matrix = gate(op.gate, len(op.wires)).build(torch.tensor(op.params, dtype=torch.float64))
    away = float((matrix @ matrix.mH - torch.eye(len(matrix))).abs().max())
    if away > TOLERANCE:
        raise ValueError(
            f"QubitUnitary: the matrix is not unitary: U U^dagger is {away:.3g} away from the "
            f"identity, allowed is {TOLERANCE}"
        )
