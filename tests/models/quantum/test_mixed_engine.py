"""The noisy engine, against PennyLane's default.mixed and closed forms."""

import dataclasses

import pennylane as qml
import pytest
import torch

from models.quantum.circuit import Circuit, Op
from models.quantum.engine import Engine
from models.quantum.mixed_engine import MixedEngine
from models.quantum.pennylane_engine import PennylaneEngine, apply, noise_model
from tests.models.quantum.circuits import inputs, outputs_and_gradients, random_circuit

BELL = Circuit(2, (Op("Hadamard", (0,)), Op("CNOT", (0, 1))), "probabilities")


@pytest.mark.parametrize("seed", range(12))
def test_equal_to_default_mixed_in_values_and_gradients(seed):
    circuit = random_circuit(seed, qubits=seed % 4 + 1, size=0)
    p, batch = (0.0, 0.01, 0.3)[seed % 3], seed % 3 + 1
    noisy = MixedEngine(circuit, depolarising=p, dtype=torch.float64)
    mixed = PennylaneEngine(circuit, device="default.mixed", depolarising=p)
    ours = outputs_and_gradients(noisy, circuit, batch, seed)
    theirs = outputs_and_gradients(mixed, circuit, batch, seed)
    for found, expected in zip(ours, theirs, strict=True):
        assert torch.allclose(found, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("seed", range(4))
def test_without_noise_it_is_the_pure_engine(seed):
    circuit = random_circuit(seed, qubits=3, size=0)
    features, weights = (value.detach() for value in inputs(circuit, 4, seed))
    pure = Engine(circuit, dtype=torch.complex128)(features, weights)
    noisy = MixedEngine(circuit, depolarising=0.0, dtype=torch.float64)(features, weights)
    assert torch.allclose(noisy, pure, atol=1e-10)


@pytest.mark.parametrize("p", [0.0, 0.05, 0.75, 1.0])
def test_a_turned_qubit_keeps_1_minus_4p_over_3(p):
    # Nielsen & Chuang 8.3.4: with probability p one of X, Y, Z strikes, so <Z> goes to
    # (1 - p/3 - p/3 - p/3 ...) = 1 - 4p/3 of itself, once for each gate.
    twice = Circuit(1, (Op("PauliX", (0,)), Op("PauliX", (0,))))
    found = MixedEngine(twice, depolarising=p)(torch.zeros(1, 0), torch.zeros(0))
    assert float(found) == pytest.approx((1 - 4 * p / 3) ** 2, abs=1e-6)


def test_all_noise_leaves_nothing_to_learn():
    found = MixedEngine(BELL, depolarising=0.75)(torch.zeros(1, 0), torch.zeros(0))
    assert torch.allclose(found, torch.full((1, 4), 0.25))


def test_noise_model_is_the_channel_after_every_gate():
    noise = 0.1

    @qml.qnode(qml.device("default.mixed", wires=2))
    def by_hand():
        qml.Hadamard(0)
        qml.DepolarizingChannel(noise, wires=0)
        qml.CNOT([0, 1])
        for wire in range(2):
            qml.DepolarizingChannel(noise, wires=wire)
        return qml.probs(wires=range(2))

    @qml.qnode(qml.device("default.mixed", wires=2))
    def bell():
        apply(BELL, torch.zeros(1, 0), torch.zeros(0))
        return qml.probs(wires=range(2))

    by_model = qml.noise.add_noise(bell, noise_model(noise))()
    ours = MixedEngine(BELL, depolarising=noise)(torch.zeros(1, 0), torch.zeros(0))
    assert torch.allclose(torch.as_tensor(by_model), torch.as_tensor(by_hand()))
    assert torch.allclose(ours[0].double(), torch.as_tensor(by_hand()), atol=1e-6)


@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_probabilities_outside_0_to_1_are_refused(p):
    for make in (
        lambda: MixedEngine(BELL, depolarising=p),
        lambda: PennylaneEngine(BELL, device="default.mixed", depolarising=p),
    ):
        with pytest.raises(ValueError, match=f"depolarising={p}: allowed is 0 to 1"):
            make()


def test_an_empty_batch_gives_none():
    circuit = dataclasses.replace(random_circuit(3, qubits=3, size=0), measure="z")
    features, weights = inputs(circuit, 0, 3)
    assert MixedEngine(circuit, depolarising=0.1)(features, weights).shape == (0, 3)
