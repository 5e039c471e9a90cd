"""Noise-aware training and accuracy under noise."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from models.quantum.head import HeadConfig, QuantumHead
from models.quantum.noise import accuracy_against_noise, with_noise
from models.quantum.pennylane_engine import PennylaneEngine
from models.quantum.stored import restore, store

CONFIG = HeadConfig(features=2, classes=2, qubits=3, layers=2, ansatz="hardware_efficient")


@pytest.fixture(scope="module")
def corners():
    """Exclusive or, with a little spread: no linear layer learns it."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 2, (80, 2), generator=generator) * 2.0 - 1
    return x + 0.1 * torch.randn(80, 2, generator=generator), (x.prod(1) > 0).long()


def _train(head, x, y, steps=40):
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(head(x), y).backward()
        optimizer.step()
    return head


def test_a_noisy_head_is_the_same_head_on_default_mixed(corners):
    head = QuantumHead(CONFIG, seed=1)
    noisy, mixed = with_noise(head, depolarising=0.05), with_noise(head, depolarising=0.05)
    mixed.engine = PennylaneEngine(head.circuit, device="default.mixed", depolarising=0.05)
    x, y = corners[0][:6], corners[1][:6]
    for one in (noisy, mixed):
        nn.functional.cross_entropy(one(x), y).backward()
    assert torch.allclose(noisy(x), mixed(x), atol=1e-6)
    for found, expected in zip(noisy.parameters(), mixed.parameters(), strict=True):
        assert torch.allclose(found.grad, expected.grad, atol=1e-6)
    assert torch.equal(with_noise(noisy, depolarising=0.0)(x), head(x))


def test_a_head_learns_under_noise(corners):
    x, y = corners
    noisy = _train(QuantumHead(dataclasses.replace(CONFIG, depolarising=0.02), seed=0), x, y)
    assert accuracy_against_noise(noisy, x, y, depolarising=[0.02])[0] > 0.95


def test_accuracy_falls_to_a_constant_answer(corners):
    x, y = corners
    head = _train(QuantumHead(CONFIG, seed=0), x, y)
    exact = float((head(x).argmax(1) == y).double().mean())
    found = accuracy_against_noise(head, x, y, depolarising=[0.0, 0.75])
    assert found[0] == exact > 0.95
    # At p = 3/4 every wire is fully mixed (Nielsen & Chuang 8.3.4): all rows get one answer.
    share = float(y.double().mean())
    assert min(abs(found[1] - share), abs(found[1] - (1 - share))) < 1e-9


def test_rows_are_judged_in_parts_alike(corners, monkeypatch):
    head = QuantumHead(CONFIG, seed=2)
    whole = accuracy_against_noise(head, *corners, depolarising=[0.01, 0.1])
    monkeypatch.setattr("models.quantum.noise.NUMBERS", 7 * 4**3)
    assert np.array_equal(accuracy_against_noise(head, *corners, depolarising=[0.01, 0.1]), whole)


def test_bad_input_is_refused(corners):
    head = QuantumHead(CONFIG, seed=0)
    with pytest.raises(ValueError, match=r"depolarising=1\.1: allowed is 0 to 1"):
        with_noise(head, depolarising=1.1)
    with pytest.raises(ValueError, match=r"depolarising=-0\.1: allowed is 0 to 1"):
        dataclasses.replace(CONFIG, depolarising=-0.1)
    with pytest.raises(ValueError, match="no rows"):
        accuracy_against_noise(head, *(part[:0] for part in corners), depolarising=[0.1])
    wide = QuantumHead(dataclasses.replace(CONFIG, qubits=18), seed=0)
    with pytest.raises(ValueError, match=r"qubits=18: density matrices .* need .* GB"):
        with_noise(wide, depolarising=0.1)


def test_a_noisy_head_is_stored_with_its_noise(corners):
    head = QuantumHead(dataclasses.replace(CONFIG, depolarising=0.1), seed=3).eval()
    again = restore(*store(head))
    assert again.config == head.config
    assert torch.equal(again(corners[0]), head(corners[0]))
    assert again(corners[0][:0]).shape == (0, 2)


def test_noise_by_pennylane_needs_a_device_of_mixed_states(corners):
    mixed = dataclasses.replace(
        CONFIG, depolarising=0.05, engine="pennylane", device="default.mixed"
    )
    x = corners[0][:4]
    expected = QuantumHead(dataclasses.replace(CONFIG, depolarising=0.05), seed=4)(x)
    assert torch.allclose(QuantumHead(mixed, seed=4)(x), expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"depolarising=0\.05 needs device 'default\.mixed'"):
        dataclasses.replace(mixed, device="lightning.qubit")
