"""The torch engine, against PennyLane on default.qubit, values and gradients."""

import pennylane as qml
import pytest
import torch

from models.quantum.circuit import Circuit, Op, w, x
from models.quantum.engine import Engine
from models.quantum.pennylane_engine import PennylaneEngine, apply
from models.quantum.schedule import schedule
from tests.models.quantum.circuits import inputs, outputs_and_gradients, random_circuit


@pytest.mark.parametrize("seed", range(24))
def test_equal_to_pennylane_in_values_and_gradients(seed):
    circuit, batch = random_circuit(seed), seed % 5 + 1
    ours = outputs_and_gradients(Engine(circuit, dtype=torch.complex128), circuit, batch, seed)
    theirs = outputs_and_gradients(PennylaneEngine(circuit), circuit, batch, seed)
    assert ours[0].shape == (batch, circuit.qubits if seed % 2 == 0 else 2**circuit.qubits)
    for found, expected in zip(ours, theirs, strict=True):
        assert torch.allclose(found, expected.to(found.dtype), atol=1e-6, rtol=0)


@pytest.mark.parametrize("seed", range(100, 106))
def test_single_precision_is_good_to_1e_6(seed):
    circuit = random_circuit(seed, qubits=4, size=0)  # every gate that fits 4 wires, once
    ours = outputs_and_gradients(Engine(circuit), circuit, 3, seed, torch.float32)
    exact = outputs_and_gradients(PennylaneEngine(circuit), circuit, 3, seed)
    assert ours[0].dtype == torch.float32
    assert float((ours[0] - exact[0]).abs().max()) < 1e-6
    for found, expected in zip(ours[1:], exact[1:], strict=True):
        # Gradients of products of features are not of size 1, so the error is one of their size.
        assert float((found - expected).abs().max()) < 1e-5 * float(expected.abs().max())


@pytest.mark.parametrize("qubits", [7, 8, 9])
def test_wires_in_several_groups(qubits):
    circuit = random_circuit(qubits, qubits=qubits, measure="z")
    ours = outputs_and_gradients(Engine(circuit, dtype=torch.complex128), circuit, 2, 1)
    theirs = outputs_and_gradients(PennylaneEngine(circuit), circuit, 2, 1)
    for found, expected in zip(ours, theirs, strict=True):
        assert torch.allclose(found, expected, atol=1e-6, rtol=0)


def test_state_is_pennylanes_with_its_global_phase():
    circuit = random_circuit(5, qubits=4)
    features, weights = (tensor.detach() for tensor in inputs(circuit, 3, 5))

    @qml.qnode(qml.device("default.qubit", wires=4), interface="torch")
    def state(x, w):
        apply(circuit, x, w)
        return qml.state()

    found = Engine(circuit, dtype=torch.complex128).state(features, weights)
    assert torch.allclose(found, state(features, weights), atol=1e-10)


def test_ghz_has_two_equal_probabilities():
    chain = [Op("CNOT", (wire, wire + 1)) for wire in range(4)]
    ghz = Circuit(5, (Op("Hadamard", (0,)), *chain), "probabilities")
    found = Engine(ghz)(torch.zeros(2, 0), torch.zeros(0))
    expected = torch.zeros(2, 32)
    expected[:, [0, 31]] = 0.5  # 1/sqrt(2) (|00000> + |11111>), by its definition
    assert torch.allclose(found, expected, atol=1e-7)


def test_no_operations_is_all_zeros():
    assert torch.equal(Engine(Circuit(3, ()))(torch.zeros(2, 0), torch.zeros(0)), torch.ones(2, 3))


@pytest.mark.parametrize("batch", [0, 1, 7])
def test_any_batch_and_each_sample_alone(batch):
    circuit = random_circuit(4, qubits=3)
    features, weights = (tensor.detach() for tensor in inputs(circuit, batch, 4))
    engine = Engine(circuit, dtype=torch.complex128)
    found = engine(features, weights)
    assert found.shape == (batch, 3)
    for row in range(batch):
        alone = engine(features[row : row + 1], weights)
        assert torch.allclose(found[row], alone[0], atol=1e-12)


def test_few_steps_for_a_layered_circuit():
    # Three layers of rotations and rings of CNOTs: nothing of the first layer but a product, a
    # permutation for each ring, and a product of matrices for each layer after.
    ops, at = [Op("RX", (wire,), (x(wire),)) for wire in range(6)], 0
    for _ in range(3):
        ops += [Op("Rot", (wire,), (w(at + wire), 0.1, w(at + wire))) for wire in range(6)]
        ops += [Op("CNOT", (wire, (wire + 1) % 6)) for wire in range(6)]
        at += 6
    plan = schedule(Circuit(6, tuple(ops)))
    assert [step.kind for step in plan.product] == ["samples", "local"]
    assert [step.kind for step in plan.steps] == ["permute", "local", "permute", "local", "permute"]


def test_real_numbers_are_refused():
    with pytest.raises(ValueError, match=r"dtype=torch\.float32: allowed are torch\.complex64"):
        Engine(Circuit(1, ()), dtype=torch.float32)
