"""The same circuits on any PennyLane device: the reference, shots, noise, and hardware.

Importing PennyLane takes seconds, so this module is imported where it is needed.
Shapes: B batch, n qubits, N = 2^n, D features of a sample, W weights.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import pennylane as qml
import torch
from torch import Tensor, nn

from models.quantum.circuit import Circuit, Op, Param
from models.quantum.gates import matrix
from models.quantum.hardware import check_options

BACKPROP = ("default.qubit", "default.mixed")
"""Devices that torch differentiates through, as long as they draw no shots."""


class PennylaneEngine(nn.Module):
    """Runs one circuit on a PennyLane device; takes and gives what `Engine` does.

    It is copied and pickled by its arguments: some devices cannot be.

    Args:
        circuit: what to run.
        device: PennyLane's name of it.
        options: for the device.
        shots: measurements of each circuit; None for exact expectations.
        depolarising: probability p of a depolarising channel on every wire of every gate, after
            it; needs a device of mixed states. None for none.

    Raises:
        ValueError: no such device, shots below 1, or a probability outside 0 to 1.
    """

    def __init__(
        self,
        circuit: Circuit,
        *,
        device: str = "default.qubit",
        options: Mapping[str, Any] | None = None,
        shots: int | None = None,
        depolarising: float | None = None,
    ) -> None:
        super().__init__()
        self.circuit = circuit
        self.made = {
            "device": device,
            "options": dict(options or {}),
            "shots": shots,
            "depolarising": depolarising,
        }
        if shots is not None and shots < 1:
            raise ValueError(f"shots={shots}: must be 1 or more, or None for exact results")
        found = open_device(device, circuit.qubits, options or {})
        exact = shots is None and device in BACKPROP
        diff = "backprop" if exact else ("parameter-shift" if shots else "best")
        node = qml.QNode(self._measured, found, interface="torch", diff_method=diff)
        # One circuit for each sample elsewhere: hardware and its gradients know no batches, and in
        # PennyLane 0.45 a batched PhaseShift on default.mixed has no gradient.
        self._batched = exact and device == "default.qubit"
        if depolarising is not None:
            node = qml.noise.add_noise(node, noise_model(depolarising))
        self._node = node if shots is None else qml.set_shots(node, shots=shots)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, D) features and (W,) weights -> (B, n) expectations of Z, or (B, N) probabilities.

        In the precision of the weights.
        """
        if not len(x):
            n = self.circuit.qubits
            return w.new_zeros(0, n if self.circuit.measure == "z" else 2**n)
        if not self._batched:
            return torch.stack([self._values(self._node(row, w)) for row in x]).to(w.dtype)
        found = self._values(self._node(x, w))
        return found.expand(len(x), -1).to(w.dtype)

    def _values(self, measured: Any) -> Tensor:
        """What a node gives as a tensor: (K,), or (B, K) of a batch."""
        if self.circuit.measure == "z":
            return torch.stack([torch.as_tensor(value) for value in measured], -1)
        found: Tensor = measured
        return found

    def _measured(self, x: Tensor, w: Tensor) -> Any:
        apply(self.circuit, x, w)
        if self.circuit.measure == "z":
            return [qml.expval(qml.PauliZ(wire)) for wire in range(self.circuit.qubits)]
        return qml.probs(wires=range(self.circuit.qubits))

    def __reduce__(self) -> Any:
        return _again, (self.circuit, self.made)


def _again(circuit: Circuit, made: Mapping[str, Any]) -> PennylaneEngine:
    return PennylaneEngine(circuit, **made)


def open_device(name: str, wires: int, options: Mapping[str, Any]) -> Any:
    """A PennyLane device.

    Args:
        name: PennyLane's.
        wires: how many.
        options: of the device; for IBM's, `backend` may be a name, and `channel` and `instance`
            say where to look for it.

    Raises:
        ValueError: there is none of that name here, or it does not take these options.
    """
    check_options(options)
    if name == "qiskit.remote" and isinstance(options.get("backend"), str):
        options = _with_backend(**options)
    try:
        return qml.device(name, wires=wires, **options)
    except (qml.exceptions.DeviceError, TypeError) as error:
        raise ValueError(f"device={name!r} with options {dict(options)}: {error}") from error


def _with_backend(
    *, backend: str, channel: str | None = None, instance: str | None = None, **options: Any
) -> dict[str, Any]:
    """IBM's plug-in takes an open backend, a file of settings can only name it."""
    runtime: Any = import_module("qiskit_ibm_runtime")
    service = runtime.QiskitRuntimeService(channel=channel, instance=instance)
    return {**options, "backend": service.backend(backend)}


def noise_model(p: float) -> Any:
    """PennyLane's noise model of depolarising on every wire of every gate, after it.

    Raises:
        ValueError: p is outside 0 to 1.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"depolarising={p}: allowed is 0 to 1")

    def after(op: Any, **_: Any) -> None:
        for wire in op.wires:
            qml.DepolarizingChannel(p, wires=wire)

    gates = qml.BooleanFn(lambda op: isinstance(op, qml.operation.Operation))
    states = qml.noise.op_in([qml.StatePrep])
    return qml.NoiseModel({gates & ~states: after})


def apply(circuit: Circuit, x: Any, w: Any) -> None:
    """Queue the operations: inside a qnode or a tape.

    Args:
        circuit: the operations.
        x: (B, D) features, or (D,) of one sample.
        w: (W,) weights.
    """
    for op in circuit.ops:
        queue(op, x, w)


def queue(op: Op, x: Any, w: Any) -> None:
    """Queue one operation."""
    values = _alike([value_of(param, x, w) for param in op.params])
    if op.gate == "QubitUnitary":
        numbers = torch.tensor(op.params, dtype=torch.float64).reshape(-1, 2)
        side = 2 ** len(op.wires)
        qml.QubitUnitary(torch.view_as_complex(numbers).reshape(side, side), wires=op.wires)
    elif op.gate == "StatePrep":
        state = torch.stack([torch.as_tensor(value) for value in values], -1)
        qml.StatePrep(state, wires=op.wires)
    elif op.gate == "IsingXY" and isinstance(values[0], Tensor) and values[0].ndim:
        # Its own matrix calls numpy on a batch of torch tensors, which fails under autograd.
        qml.QubitUnitary(matrix("IsingXY", values[0][:, None]), wires=op.wires)
    else:
        getattr(qml, op.gate)(*values, wires=op.wires)


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
