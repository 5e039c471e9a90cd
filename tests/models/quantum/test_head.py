"""The quantum head: shapes, seeds, what it refuses, and that its engines agree."""

import copy
import dataclasses
import itertools

import pytest
import torch
from torch import nn

from models.quantum.ansatz import LAYERS
from models.quantum.encoding import ENCODINGS
from models.quantum.head import HeadConfig, QuantumHead, circuit_of, parameters_of

SMALL = HeadConfig(features=5, classes=3, qubits=4, layers=2)


def _x(batch, features=5, seed=0):
    return torch.randn(batch, features, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("encoding", "ansatz"), itertools.product(ENCODINGS, LAYERS))
@pytest.mark.parametrize("measure", ["z", "probabilities"])
def test_every_combination_is_what_pennylane_gives(encoding, ansatz, measure):
    config = dataclasses.replace(SMALL, encoding=encoding, ansatz=ansatz, measure=measure)
    ours = QuantumHead(config, seed=1)
    theirs = QuantumHead(dataclasses.replace(config, engine="pennylane"), seed=1)
    x = _x(3)
    found, expected = ours(x), theirs(x)
    assert found.shape == (3, 3)
    assert torch.allclose(found, expected, atol=1e-6)
    for one, other in zip(
        torch.autograd.grad(found.square().sum(), list(ours.parameters())),
        torch.autograd.grad(expected.square().sum(), list(theirs.parameters())),
        strict=True,
    ):
        assert torch.allclose(one, other, atol=2e-6)


@pytest.mark.parametrize("qubits", [4, 12])
def test_the_smallest_and_the_largest_head_take_pennylanes_step(qubits):
    after = []
    for engine in ("torch", "pennylane"):
        config = dataclasses.replace(SMALL, qubits=qubits, ansatz="basic", engine=engine)
        head = QuantumHead(config, seed=2)
        optimizer = torch.optim.SGD(head.parameters(), lr=0.5)
        nn.functional.cross_entropy(head(_x(3)), torch.arange(3)).backward()
        optimizer.step()
        after.append(head(_x(3, seed=1)))
    assert torch.allclose(*after, atol=1e-5)


@pytest.mark.parametrize("engine", ["torch", "pennylane"])
@pytest.mark.parametrize("batch", [0, 1, 3, 7])
def test_any_batch(engine, batch):
    found = QuantumHead(dataclasses.replace(SMALL, engine=engine), seed=0)(_x(batch))
    assert found.shape == (batch, 3)
    assert found.sum().requires_grad


def test_an_empty_batch_trains_nothing():
    head = QuantumHead(SMALL, seed=0)
    head(_x(0)).sum().backward()
    assert all(not value.grad.any() for value in head.parameters())


def test_same_seed_same_bytes_and_the_global_generator_stays():
    before = torch.get_rng_state()
    one, two, other = (QuantumHead(SMALL, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert all(not torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(torch.get_rng_state(), before)


def test_training_twice_gives_the_same_bytes():
    def trained():
        head = QuantumHead(SMALL, seed=0)
        optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
        for _ in range(5):
            optimizer.zero_grad()
            nn.functional.cross_entropy(head(_x(7)), torch.arange(7) % 3).backward()
            optimizer.step()
        return head(_x(2, seed=1))

    assert torch.equal(trained(), trained())


def test_it_learns_what_no_linear_layer_can():
    # Exclusive or: the classic example of classes that no line separates (Minsky & Papert 1969).
    corners = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    labels = torch.tensor([0, 1, 1, 0])
    head = QuantumHead(HeadConfig(features=2, classes=2, qubits=4, layers=2), seed=0)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(head(corners), labels).backward()
        optimizer.step()
    assert torch.equal(head(corners).argmax(1), labels)


@pytest.mark.parametrize(("encoding", "ansatz"), itertools.product(ENCODINGS, LAYERS))
def test_parameters_are_as_predicted_and_the_same_without_entanglement(encoding, ansatz):
    config = dataclasses.replace(SMALL, encoding=encoding, ansatz=ansatz)
    apart = config.without_entanglement()
    for one in (config, apart):
        head = QuantumHead(one, seed=0)
        counts = parameters_of(one)
        assert sum(value.numel() for value in head.parameters()) == sum(counts.values())
        assert head.circuit.weights == counts["circuit"]
    assert parameters_of(config) == parameters_of(apart)
    assert circuit_of(apart).entangling == 0 < circuit_of(config).entangling


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"qubits": 0}, "qubits=0: a head has 1 to 20"),
        ({"qubits": 31}, "qubits=31"),
        ({"layers": 0}, "layers=0: must be 1 or more"),
        ({"features": 0}, "features=0"),
        ({"encoding": "angel"}, "encoding='angel': allowed are angle"),
        ({"ansatz": "strong"}, "ansatz='strong': allowed are strongly_entangling"),
        ({"measure": "x"}, "measure='x'"),
        ({"engine": "jax"}, "engine='jax': allowed are torch, pennylane"),
        ({"shots": 0, "engine": "pennylane"}, "shots=0: must be 1 or more"),
        ({"shots": 100}, "the torch engine is exact"),
        ({"pre": "none"}, "features=5: angle encoding on 4 qubits takes 1 to 4"),
        ({"ansatz": "mera", "qubits": 6}, "qubits=6: mera .* use 2, 4, 8 or 16"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **change)


def test_features_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 4\): this head takes \(B, 5\)"):
        QuantumHead(SMALL, seed=0)(_x(2, 4))


def test_amplitudes_without_a_layer_before_must_be_normalised():
    config = dataclasses.replace(SMALL, encoding="amplitude", pre="none", normalise=False)
    head = QuantumHead(config, seed=0)
    with pytest.raises(ValueError, match=r"row 0 have norm .* must be 1, or ask for normalise"):
        head(_x(2))
    unit = nn.functional.normalize(_x(2), dim=1)
    told = QuantumHead(dataclasses.replace(config, normalise=True), seed=0)
    assert torch.allclose(head(unit), told(3 * unit), atol=1e-6)
    with pytest.raises(ValueError, match="row 1 have norm 0: it must be finite and above 0"):
        told(torch.stack([unit[0], torch.zeros(5)]))


@pytest.mark.parametrize("engine", ["torch", "pennylane"])
def test_copies_and_saved_weights_answer_alike(engine):
    head = QuantumHead(dataclasses.replace(SMALL, engine=engine), seed=0)
    expected = head(_x(2))
    again = QuantumHead(head.config, seed=9)
    again.load_state_dict(head.state_dict())
    assert torch.equal(copy.deepcopy(head)(_x(2)), expected)
    assert torch.equal(again(_x(2)), expected)
    assert set(head.state_dict()) == {
        "pre.weight", "pre.bias", "weights", "post.weight", "post.bias"
    }  # fmt: skip


def test_lightning_is_copied_after_it_ran():
    config = dataclasses.replace(SMALL, engine="pennylane", device="lightning.qubit")
    head = QuantumHead(config, seed=0)
    expected = head(_x(2))
    torch.nn.functional.cross_entropy(expected, torch.tensor([0, 1])).backward()
    assert torch.equal(copy.deepcopy(head)(_x(2)), expected)
    assert torch.allclose(expected, QuantumHead(SMALL, seed=0)(_x(2)), atol=1e-6)
