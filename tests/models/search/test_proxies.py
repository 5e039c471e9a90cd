"""Zero-cost proxies, against figures by hand; and that they leave no trace."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from models.search.proxies import (
    PROXIES,
    fisher,
    flops,
    grad_norm,
    jacov,
    macs,
    params,
    snip,
    synflow,
)


def chain(first, second) -> nn.Sequential:
    """Two linear layers without bias, with these weights."""
    layers = [nn.Linear(len(weight[0]), len(weight), bias=False) for weight in (first, second)]
    for layer, weight in zip(layers, (first, second), strict=True):
        layer.weight.data = torch.tensor(weight)
    return nn.Sequential(*layers)


def nothing(output):
    raise AssertionError("this proxy asks for no loss")


X = torch.tensor([[1.0, 2.0]])


def test_synflow_of_two_linear_layers_by_hand():
    # |W1| = [[1, 2], [3, 4]], |W2| = [[5, 6]]: all paths give 5 (1+2) + 6 (3+4) = 57, and the sum
    # weight x gradient is that for either layer (Tanaka et al. 2020, conservation by layer).
    module = chain([[1.0, -2.0], [-3.0, 4.0]], [[-5.0, 6.0]])
    assert synflow(module, (X,), nothing) == pytest.approx(2 * 57)


def test_snip_and_grad_norm_by_hand():
    # y = w2 w1 x with w1 = (2, -1), w2 = 3, x = (1, 2): hidden 0, so y = 0; loss = 4 y.
    # d/dw1 = 4 * 3 * x = (12, 24); d/dw2 = 4 * 0.
    module = chain([[2.0, -1.0]], [[3.0]])
    assert snip(module, (X,), lambda y: 4 * y.sum()) == pytest.approx(2 * 12 + 1 * 24)
    expected = math.hypot(12, 24) + 0
    assert grad_norm(module, (X,), lambda y: 4 * y.sum()) == pytest.approx(expected)


def test_jacov_of_identical_inputs_in_closed_form():
    # All correlations are 1: eigenvalues B and B-1 zeros.
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    x = torch.randn(1, 6).expand(4, 6)
    k = 1e-5
    expected = -(3 * (math.log(k) + 1 / k) + math.log(4 + k) + 1 / (4 + k))
    assert jacov(module, (x,), nothing) == pytest.approx(expected, rel=1e-6)


def test_jacov_of_jacobians_that_have_nothing_in_common_in_closed_form():
    # y = x1^2 a + x2^2 b: Jacobian 2 (x1 a1, x2 a2 ...); these two inputs give orthogonal centred
    # Jacobians (1, -1, 0, 0) and (0, 0, 1, -1), so both eigenvalues are 1.
    class Square(nn.Module):
        def forward(self, x):
            return (x**2 / 2).sum(dim=1, keepdim=True)

    x = torch.tensor([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])
    k = 1e-5
    assert jacov(Square(), (x,), nothing) == pytest.approx(-2 * (math.log(1 + k) + 1 / (1 + k)))


def test_jacov_refuses_ids_and_batches_of_one():
    with pytest.raises(ValueError, match=r"floats to differentiate by, not torch\.int64"):
        jacov(nn.Embedding(4, 2), (torch.tensor([[1], [2]]),), nothing)
    with pytest.raises(ValueError, match="at least 2, not 1"):
        jacov(nn.Linear(2, 2), (X,), nothing)


def test_fisher_by_hand():
    # One linear layer y = W x, mean over B=2 samples of y1 + 2 y2: B g is (1, 2) for each sample.
    # Sample 1: y = (1, 2), sample 2: y = (3, 4). a g: (1, 4), (3, 8). Sum of squares / 2B.
    module = nn.Linear(2, 2, bias=False)
    module.weight.data = torch.eye(2)
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    found = fisher(module, (x,), lambda y: (y @ torch.tensor([1.0, 2.0])).mean())
    assert found == pytest.approx((1 + 16 + 9 + 64) / (2 * 2))


def test_fisher_sums_places_before_the_square():
    # A 1x1 convolution with weight 1 over two pixels 1 and 2, loss = sum: a g = 1 + 2; 9 / 2.
    module = nn.Conv2d(1, 1, 1, bias=False)
    module.weight.data.fill_(1.0)
    found = fisher(module, (torch.tensor([[[[1.0, 2.0]]]]),), lambda y: y.sum())
    assert found == pytest.approx(9 / 2)
    # The same as tokens of a linear layer.
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(1.0)
    found = fisher(layer, (torch.tensor([[[1.0], [2.0]]]),), lambda y: y.sum())
    assert found == pytest.approx(9 / 2)


def test_params_and_operations_by_formula():
    # Convolution: k k Cin Cout + Cout; k k Cin Cout H W multiply-adds. Linear: in x out + out.
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 25, 7))
    x = torch.zeros(2, 3, 5, 5)
    assert params(module, (x,), nothing) == (9 * 3 * 4 + 4) + (100 * 7 + 7)
    assert macs(module, (x,), nothing) == 2 * (9 * 3 * 4 * 25 + 100 * 7)
    assert flops(module, (x,), nothing) == 2 * macs(module, (x,), nothing)


def test_shared_parameters_count_once():
    layer = nn.Linear(5, 5)
    assert params(nn.Sequential(layer, layer), (X,), nothing) == 30


@pytest.mark.parametrize("name", sorted(PROXIES))
def test_a_proxy_leaves_no_trace_and_repeats_itself(name):
    torch.manual_seed(1)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(), nn.Flatten(),
        nn.Linear(4 * 9, 5),
    )  # fmt: skip
    module[0].weight.requires_grad_(False)
    module[5].weight.grad = torch.full_like(module[5].weight, 3.0)
    x, y = torch.randn(6, 3, 5, 5), torch.tensor([0, 1, 2, 3, 4, 0])
    before = copy.deepcopy(module.state_dict())
    random = torch.get_rng_state()

    first, second = (
        PROXIES[name](module, (x,), lambda output: F.cross_entropy(output, y)) for _ in range(2)
    )

    assert first == second
    assert math.isfinite(first)
    assert torch.equal(torch.get_rng_state(), random)
    after = module.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert [weight.requires_grad for weight in module.parameters()] == [False] + [True] * 5
    assert torch.equal(module[5].weight.grad, torch.full((5, 36), 3.0))
    assert all(w.grad is None for n, w in module.named_parameters() if n != "5.weight")
    assert module.training
    assert not x.requires_grad


def test_of_several_outputs_the_first_counts():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = chain([[1.0, -2.0], [-3.0, 4.0]], [[-5.0, 6.0]])

        def forward(self, x):
            return self.layer(x), x

    assert synflow(Two(), (X,), nothing) == pytest.approx(2 * 57)
