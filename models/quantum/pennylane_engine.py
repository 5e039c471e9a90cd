"""The same circuits on any PennyLane device: the reference, shots, noise, and hardware.

Importing PennyLane takes seconds, so this module is imported where it is needed.
Shapes: B batch, n qubits, N = 2^n, D features of a sample, W weights.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pennylane as qml
import torch
from torch import Tensor

from models.quantum.circuit import Circuit, Op, Param


def apply(circuit: Circuit, x: Any, w: Any) -> None:
    """Queue the operations: inside a qnode or a tape.

    Args:
        circuit: the operations.
        x: (B, D) features, or (D,) of one sample.
        w: (W,) weights.
    """
    for op in circuit.ops:
        queue(op, x, w)


def queue(op: Op, x: Any, w: Any) -> Any:
    """Queue one operation; returns PennyLane's."""
    values = _alike([value_of(param, x, w) for param in op.params])
    if op.gate == "QubitUnitary":
        numbers = torch.tensor(op.params, dtype=torch.float64).reshape(-1, 2)
        side = 2 ** len(op.wires)
        return qml.QubitUnitary(torch.view_as_complex(numbers).reshape(side, side), wires=op.wires)
    if op.gate == "StatePrep":
        return qml.StatePrep(
            torch.stack([torch.as_tensor(value) for value in values], -1), wires=op.wires
        )
    if op.gate == "IsingXY":
        # Its own matrix calls numpy on a batch of torch tensors, which fails under autograd.
        return qml.IsingXY.compute_decomposition(*values, wires=op.wires)
    return getattr(qml, op.gate)(*values, wires=op.wires)


def value_of(param: Param, x: Any, w: Any) -> Any:
    """A parameter's value: a number, (B,) for features of a batch, or a weight."""
    if isinstance(param, float | int):
        return float(param)
    source = x if param.source == "x" else w
    value = source[..., param.index]
    for index in param.times:
        value = value * source[..., index]
    return value * param.scale


def _alike(values: list[Any]) -> Sequence[Any]:
    """Numbers stay numbers; beside a tensor they become one, and all get the same batch: some of
    PennyLane's matrices take no mixtures."""
    given = [value for value in values if isinstance(value, Tensor)]
    if not given:
        return values
    like = given[0]
    tensors = [torch.as_tensor(value, dtype=like.dtype, device=like.device) for value in values]
    shape = max((tensor.shape for tensor in tensors), key=len)
    return [tensor.expand(shape) for tensor in tensors]


def engine(
    circuit: Circuit, *, device: str = "default.qubit", diff: str = "backprop", **options: Any
) -> Callable[[Tensor, Tensor], Tensor]:
    """A function like `models.quantum.engine.Engine`: (B, D), (W,) -> (B, n) or (B, N)."""
    on = qml.device(device, wires=circuit.qubits, **options)

    @qml.qnode(on, interface="torch", diff_method=diff)
    def run(x: Tensor, w: Tensor) -> Any:
        apply(circuit, x, w)
        if circuit.measure == "z":
            return [qml.expval(qml.PauliZ(wire)) for wire in range(circuit.qubits)]
        return qml.probs(wires=range(circuit.qubits))

    def batched(x: Tensor, w: Tensor) -> Tensor:
        measured = run(x, w)
        if circuit.measure == "z":
            return torch.stack([value.expand(len(x)) for value in measured], -1)
        found: Tensor = measured
        return found.expand(len(x), -1)

    return batched
