"""A head trains a step on PennyLane's devices, and draws shots where it is told to."""

import importlib.util

import pytest
import torch
from torch.nn import functional as F

from models.quantum.head import HeadConfig, QuantumHead
from models.quantum.pennylane_engine import open_device

X = torch.rand(8, 5, generator=torch.Generator().manual_seed(1))
Y = torch.arange(8) % 2


def head(**changes):
    given = {"features": 5, "classes": 2, "qubits": 3, "layers": 1, "engine": "pennylane"}
    return QuantumHead(HeadConfig(**{**given, **changes}), seed=2)


def step(made):
    """The loss before and after one step of gradient descent, and the circuit's gradient."""
    loss = F.cross_entropy(made(X), Y)
    loss.backward()
    with torch.no_grad():
        for weight in made.parameters():
            weight -= 0.1 * weight.grad
        return float(loss.detach()), float(F.cross_entropy(made(X), Y)), made.weights.grad


@pytest.mark.parametrize("device", ["default.qubit", "lightning.qubit"])
def test_a_device_named_in_the_config_trains_as_the_torch_engine(device):
    before, after, gradient = step(head(device=device))
    expected = step(head(engine="torch", device="default.qubit"))
    assert (before, after) == pytest.approx(expected[:2], abs=1e-6)
    assert torch.allclose(gradient, expected[2], atol=1e-6)
    assert after < before


def test_shots_train_too_and_scatter_as_they_must():
    exact = step(head(device="default.qubit"))[2]
    shots, found = 50_000, []
    for seed in range(2):
        made = head(device="default.qubit", options={"seed": seed}, shots=shots)
        before, after, gradient = step(made)
        assert after < before
        found.append(gradient)
    assert not torch.equal(*found)
    # A shifted gradient of <Z> is half the difference of two means of `shots` draws of +-1: its
    # standard deviation is at most 1 / sqrt(2 shots). The last layer weighs them. Six of those.
    bound = 6 * float(head().post.weight.abs().sum()) / (2 * shots) ** 0.5
    assert all(float((one - exact).abs().max()) < bound for one in found)
    assert float(exact.abs().max()) > bound  # nothing at all would not pass


def test_the_same_seed_of_the_device_draws_the_same():
    first, again = (
        head(device="default.qubit", options={"seed": 5}, shots=50)(X).detach() for _ in range(2)
    )
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "default.qubits"}, r"device='default.qubits' with options \{\}"),
        ({"device": "default.qubit", "options": {"speed": 9}}, r"options \{'speed': 9\}"),
        ({"shots": 0}, "shots=0: must be 1 or more"),
    ],
)
def test_a_device_that_does_not_open(changes, message):
    with pytest.raises(ValueError, match=message):
        head(**changes)


def test_secrets_are_refused_before_a_device_is_opened():
    with pytest.raises(ValueError, match="`api_key` looks like a secret") as told:
        open_device("default.qubit", 2, {"api_key": "hunter2"})
    assert "hunter2" not in str(told.value)


@pytest.mark.skipif(
    importlib.util.find_spec("pennylane_qiskit") is None, reason="needs pennylane-qiskit"
)
def test_ibms_device_takes_the_name_of_a_backend():
    there = {"backend": "fake_manila", "channel": "local"}  # IBM's own noisy simulation of a device
    made = head(device="qiskit.remote", options=there, shots=400)
    exact = head(engine="torch", device="default.qubit")(X[:2])
    # The device has errors; without them the scatter of 400 shots is 0.05 for each <Z>.
    assert torch.allclose(made(X[:2]), exact, atol=0.5)
