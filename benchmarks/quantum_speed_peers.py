"""One training step of the same circuit in other libraries: a program of its own.

    python -I benchmarks/quantum_speed_peers.py torchquantum

It needs torch and the library that it measures and nothing of this project, so that it also runs in
the virtual environment of a library that does not install beside the project. `quantum_speed`
starts it and speaks to it in JSON, a line each way:

    {"do": "make", ...}                                  -> {"version": "0.1.8"}
    {"do": "outputs"}                                    -> {"outputs": [[...], ...]}
    {"do": "steps", "count": 5, "seconds": 0.5}          -> {"cpu": [...], "wall": [...]}

`make` carries the numbers of qubits and layers, all weights, features and labels. A turn of steps
ends after `count` of them, or with the one that passes `seconds`.

Shapes: B batch, D features, C classes, n qubits, L layers, W = 3 L n weights, in the order of
PennyLane's StronglyEntanglingLayers (L, n, 3).
"""

import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

Given = Mapping[str, Any]
"""What `make` carries."""
RATE = 0.01


class Hybrid(nn.Module):
    """Linear to n angles of at most a quarter turn, a circuit, linear to C.

    Args:
        given: weights of the linear layers.
        circuit: (B, n) angles to (B, n) expectations of Z.
    """

    def __init__(self, given: Given, circuit: nn.Module) -> None:
        super().__init__()
        self.pre, self.post = _linear(given, "pre"), _linear(given, "post")
        self.circuit = circuit

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) to (B, C)."""
        angles = torch.tanh(self.pre(x)) * (math.pi / 2)
        logits: Tensor = self.post(self.circuit(angles).to(x.dtype))
        return logits


def _linear(given: Given, name: str) -> nn.Linear:
    weight, bias = (torch.tensor(given[f"{name}.{part}"]) for part in ("weight", "bias"))
    made = nn.Linear(weight.shape[1], weight.shape[0])
    made.load_state_dict({"weight": weight, "bias": bias})
    return made


def reach(layer: int, qubits: int) -> int:
    """How far the target of each CNOT of a layer is from its control."""
    return layer % (qubits - 1) + 1


def pennylane(given: Given, device: str, diff_method: str) -> nn.Module:
    """PennyLane's TorchLayer, of its own templates."""
    import pennylane as qml

    n, layers = given["qubits"], given["layers"]

    @qml.qnode(qml.device(device, wires=n), interface="torch", diff_method=diff_method)
    def circuit(inputs: Any, weights: Any) -> object:
        qml.AngleEmbedding(inputs, wires=range(n))
        qml.StronglyEntanglingLayers(weights, wires=range(n))
        return [qml.expval(qml.Z(wire)) for wire in range(n)]

    shape = (layers, n, 3)
    layer: nn.Module = qml.qnn.TorchLayer(circuit, {"weights": shape})
    layer.load_state_dict({"weights": torch.tensor(given["weights"]).reshape(shape)})
    return Hybrid(given, layer)


class TorchQuantum(nn.Module):
    """Its functional gates in their default form: complex64, every gate a batched product."""

    def __init__(self, given: Given) -> None:
        super().__init__()
        # Its collection of data sets, which nothing here reads, imports torchvision.
        sys.modules.setdefault("torchquantum.dataset", ModuleType("torchquantum.dataset"))
        self.tq = import_module("torchquantum")
        self.gates = import_module("torchquantum.functional")
        self.qubits, self.layers = given["qubits"], given["layers"]
        self.weights = nn.Parameter(torch.tensor(given["weights"]))
        self.measure = self.tq.MeasureAll(self.tq.PauliZ)

    def forward(self, angles: Tensor) -> Tensor:
        n = self.qubits
        state = self.tq.QuantumDevice(n_wires=n, bsz=len(angles), device="cpu")
        for wire in range(n):
            self.gates.rx(state, wires=wire, params=angles[:, wire])
        for layer, weights in enumerate(self.weights.view(self.layers, n, 1, 3)):
            for wire in range(n):
                self.gates.rot(state, wires=wire, params=weights[wire])
            for wire in range(n):
                self.gates.cnot(state, wires=[wire, (wire + reach(layer, n)) % n])
        found: Tensor = self.measure(state)
        return found


def qiskit(given: Given) -> nn.Module:
    """An EstimatorQNN with exact expectations and the fastest of its exact gradients."""
    learning = "qiskit_machine_learning"
    circuits, info = import_module("qiskit.circuit"), import_module("qiskit.quantum_info")
    n, layers = given["qubits"], given["layers"]
    x = circuits.ParameterVector("x", n)
    w = circuits.ParameterVector("w", layers * n * 3)
    circuit = circuits.QuantumCircuit(n)
    for wire in range(n):
        circuit.rx(x[wire], wire)
    for layer in range(layers):
        for wire in range(n):
            first = 3 * (layer * n + wire)
            circuit.rz(w[first], wire)
            circuit.ry(w[first + 1], wire)
            circuit.rz(w[first + 2], wire)
        for wire in range(n):
            circuit.cx(wire, (wire + reach(layer, n)) % n)
    estimator = import_module(f"{learning}.primitives").QMLEstimator()
    network = import_module(f"{learning}.neural_networks").EstimatorQNN(
        circuit=circuit,
        estimator=estimator,
        observables=[
            info.SparsePauliOp.from_sparse_list([("Z", [wire], 1)], num_qubits=n)
            for wire in range(n)
        ],
        input_params=list(x),
        weight_params=list(w),
        gradient=import_module(f"{learning}.gradients").LinCombEstimatorGradient(estimator),
        input_gradients=True,
    )
    start = torch.tensor(given["weights"])
    connector = import_module(f"{learning}.connectors").TorchConnector
    made: nn.Module = connector(network, initial_weights=start)
    return Hybrid(given, made)


BUILD: dict[str, tuple[str, Callable[[Given], nn.Module]]] = {
    "default.qubit": ("pennylane", lambda given: pennylane(given, "default.qubit", "backprop")),
    "lightning.qubit": (
        "pennylane-lightning",
        lambda given: pennylane(given, "lightning.qubit", "adjoint"),
    ),
    "torchquantum": ("torchquantum", lambda given: Hybrid(given, TorchQuantum(given))),
    "qiskit-machine-learning": ("qiskit-machine-learning", qiskit),
}
"""For each name the distribution that is measured, and what builds its model."""


class Training:
    """A model, a batch, Adam.

    Args:
        model: (B, D) to (B, C).
        given: features `x` and labels `y`.
    """

    def __init__(self, model: nn.Module, given: Given) -> None:
        self.model = model
        self.x, self.y = torch.tensor(given["x"]), torch.tensor(given["y"])
        self.adam = torch.optim.Adam(model.parameters(), RATE)

    def step(self) -> None:
        self.adam.zero_grad()
        nn.functional.cross_entropy(self.model(self.x), self.y).backward()  # type: ignore[no-untyped-call]
        self.adam.step()

    def steps(self, count: int, seconds: float) -> dict[str, list[float]]:
        """Seconds of each step, of the process and by the clock."""
        found: dict[str, list[float]] = {"cpu": [], "wall": []}
        while len(found["wall"]) < count and sum(found["wall"]) < seconds:
            cpu, wall = time.process_time(), time.perf_counter()
            self.step()
            found["cpu"].append(time.process_time() - cpu)
            found["wall"].append(time.perf_counter() - wall)
        return found

    @torch.no_grad()
    def outputs(self) -> list[list[float]]:
        """(B, C)."""
        found: list[list[float]] = self.model(self.x).tolist()
        return found


def serve(build: Callable[[Given], nn.Module], told: str) -> None:
    """Answer lines of standard input until they end.

    Args:
        build: makes the model.
        told: the version of what is measured.
    """
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no answer
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    training: Training | None = None
    for line in sys.stdin:
        asked = json.loads(line)
        answer: dict[str, Any]
        if asked["do"] == "make":
            training, answer = Training(build(asked), asked), {"version": told}
        elif training is None:
            raise ValueError(f"do={asked['do']!r}: nothing is made yet: send make first")
        elif asked["do"] == "outputs":
            answer = {"outputs": training.outputs()}
        else:
            answer = training.steps(asked["count"], asked["seconds"])
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    distribution, builder = BUILD[sys.argv[1]]
    serve(builder, version(distribution))
