"""Measured answers: exact in the limit, as uncertain as they should be before it."""

import pytest
import torch

from models.quantum.head import HeadConfig, QuantumHead
from models.quantum.shots import sampled_logits, signs


@pytest.fixture
def head():
    return QuantumHead(HeadConfig(features=3, classes=2, qubits=3, layers=2), seed=4)


@pytest.fixture
def x():
    return torch.rand(5, 3, generator=torch.Generator().manual_seed(0))


def test_many_shots_are_exact(head, x):
    exact = head(x).detach()
    # A Z of n shots has a standard error of at most 1 / sqrt(n), weighed by the last layer.
    error = 4 * head.post.weight.abs().sum(1).max() / 1e6**0.5
    assert (sampled_logits(head, x, shots=10**6, seed=0) - exact).abs().max() < error


def test_the_error_falls_with_the_root_of_the_shots(head, x):
    exact = head(x).detach()

    def error(shots):
        found = [sampled_logits(head, x, shots=shots, seed=seed) - exact for seed in range(60)]
        return torch.stack(found).square().mean().sqrt()

    # 100 times the shots, a tenth of the error.
    assert error(100) / error(10_000) == pytest.approx(10, rel=0.2)


def test_one_shot_gives_whole_numbers(head, x):
    torch.nn.init.eye_(head.post.weight)
    torch.nn.init.zeros_(head.post.bias)
    assert set(sampled_logits(head, x, shots=1, seed=0).flatten().tolist()) <= {-1.0, 1.0}


def test_no_shots_are_refused(head, x):
    with pytest.raises(ValueError, match="shots=0"):
        sampled_logits(head, x, shots=0, seed=0)


def test_signs_of_two_wires():
    # |00>, |01>, |10>, |11>: wire 0 is the left one.
    assert signs(2).tolist() == [[1, 1], [1, -1], [-1, 1], [-1, -1]]
