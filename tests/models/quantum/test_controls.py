"""Classical controls: as many parameters as they should have, the same bytes for the same seed."""

import pytest
import torch

from models.quantum.controls import MATCHED, Cosine, count, linear_probe, matched_head


@pytest.mark.parametrize("kind", MATCHED)
@pytest.mark.parametrize("parameters", [430, 1194, 5000])
def test_parameters_match_to_half_a_hidden_unit(kind, parameters):
    head = matched_head(kind, features=32, classes=10, parameters=parameters, seed=0)
    unit = {"mlp": 43, "gated": 76, "fourier": 43}[kind]  # (32 + 1) a neuron, 10 for its outputs
    assert abs(count(head) - parameters) <= unit / 2
    assert head(torch.zeros(3, 32)).shape == (3, 10)


@pytest.mark.parametrize("kind", MATCHED)
def test_same_seed_same_bytes_and_torch_is_left_alone(kind):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two, other = (
        matched_head(kind, features=4, classes=3, parameters=100, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(one[0].weight, two[0].weight)
    assert not torch.equal(one[0].weight, other[0].weight)


def test_too_few_parameters_are_refused():
    with pytest.raises(ValueError, match=r"parameters=20: one hidden unit of 'mlp'.* has 49"):
        matched_head("mlp", features=32, classes=8, parameters=20, seed=0)


def test_fourier_is_a_fourier_series():
    # cos(pi / 3) = 1/2, from the definition of the cosine.
    assert Cosine()(torch.tensor([torch.pi / 3])).item() == pytest.approx(0.5)


def test_linear_probe_is_one_layer():
    assert count(linear_probe(features=7, classes=3, seed=0)) == 7 * 3 + 3
