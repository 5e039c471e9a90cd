"""Gradient inversion: exact where nothing protects, nothing where masks or noise do."""

import numpy as np
import pytest
import torch

from models.federated.audit.inversion import inversion, invert, likeness
from models.federated.audit.short import means
from models.federated.privacy import Privacy

CLIENTS = 6


@pytest.fixture
def rows(rng):
    return rng.random((CLIENTS, 20)).astype(np.float32), rng.integers(0, 5, CLIENTS)


def test_row_behind_a_gradient_of_torch():
    torch.manual_seed(0)
    first = torch.nn.Linear(12, 7)
    net = torch.nn.Sequential(first, torch.nn.ReLU(), torch.nn.Linear(7, 3))
    x = torch.rand(1, 12)
    torch.nn.functional.cross_entropy(net(x), torch.tensor([2])).backward()
    found = invert(first.weight.grad.numpy().T, first.bias.grad.numpy())
    np.testing.assert_allclose(found, x[0].numpy(), rtol=1e-4)


def test_gradient_of_two_rows_gives_neither():
    torch.manual_seed(0)
    layer = torch.nn.Linear(40, 3)
    x = torch.randn(2, 40)
    torch.nn.functional.cross_entropy(layer(x), torch.tensor([0, 1])).backward()
    found = invert(layer.weight.grad.numpy().T, layer.bias.grad.numpy())
    assert max(likeness(row.numpy(), found)["cosine"] for row in x) < 0.99


def test_update_without_a_trace_is_refused():
    with pytest.raises(ValueError, match="bias did not move"):
        invert(np.ones((3, 2)), np.zeros(2))


def test_likeness_of_known_rows():
    assert likeness(np.array([1.0, 0]), np.array([0, 1.0])) == {"cosine": 0.0, "mse": 1.0}
    assert likeness(np.array([3.0, 4]), np.array([6.0, 8]))["cosine"] == pytest.approx(1)
    assert likeness(np.array([3.0, 4]), np.zeros(2))["cosine"] == 0


@pytest.mark.parametrize("level", ["none", "central_dp"])
@pytest.mark.parametrize("epochs", [1, 4])
def test_server_that_sees_single_updates_sees_the_rows(rows, level, epochs):
    x, y = rows
    found = inversion(x, y, Privacy(level), classes=5, seed=1, epochs=epochs)
    # Every step of a client with one row moves the layer by a multiple of that row.
    for one in found["upload"]:
        assert one["cosine"] == pytest.approx(1, abs=1e-5)
        assert one["mse"] < 1e-8


def test_local_noise_hides_the_rows_from_the_server(rows):
    x, y = rows
    quiet = means(inversion(x, y, Privacy("local_dp", noise_multiplier=1e-4), classes=5, seed=1))
    loud = means(inversion(x, y, Privacy("local_dp", noise_multiplier=1.0), classes=5, seed=1))
    assert quiet["upload"]["cosine"] > 0.99
    # Directions of noise in 20 dimensions: cosines around 0, deviation 1 / sqrt(20) each.
    assert abs(loud["upload"]["cosine"]) < 3 / np.sqrt(20 * CLIENTS)


def test_masks_hide_uploads_and_leave_the_mean_as_it_is(rows):
    x, y = rows
    masked = inversion(x, y, Privacy("secure_aggregation"), classes=5, seed=1)
    plain = inversion(x, y, Privacy("none"), classes=5, seed=1)
    # Masks are uniform and around zero here: cosines as of noise.
    assert abs(means(masked)["upload"]["cosine"]) < 3 / np.sqrt(20 * CLIENTS)
    for one, other in zip(masked["mean"], plain["mean"], strict=True):
        assert one["cosine"] == pytest.approx(other["cosine"], abs=1e-3)


def test_guess_is_the_mean_of_the_other_rows(rows):
    x, y = rows
    found = inversion(x, y, Privacy("none"), classes=5, seed=1)["guess"][2]
    others = (x.sum(0) - x[2]) / (CLIENTS - 1)
    assert found["mse"] == pytest.approx(float(((others - x[2]) ** 2).mean()), rel=1e-5)
