"""A client with a torch module against the NumPy client: one linear layer is the same model."""

import numpy as np
import pytest
from torch import nn

from models.federated.heads import HeadLearner, arrays_of
from models.federated.learner import Work
from models.federated.softmax import BIAS, WEIGHT, SoftmaxLearner


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 4)).astype(np.float32)
    return x, (x @ rng.normal(size=(4, 3))).argmax(1)


def both(rows, epochs=2):
    x, y = rows
    ours = HeadLearner("a", x, y, lambda: nn.Linear(4, 3), 8, epochs, validation=(x[:9], y[:9]))
    theirs = SoftmaxLearner("a", x, y, 3, 8, epochs, validation=(x[:9], y[:9]))
    return ours, theirs


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"mu": 0.5},
        {"share": 0.4},
        {"correction": {WEIGHT: np.full((4, 3), 0.1, np.float32), BIAS: np.ones(3, np.float32)}},
    ],
    ids=["plain", "fedprox", "partial", "scaffold"],
)
def test_a_linear_layer_learns_what_softmax_regression_learns(rows, more):
    ours, theirs = both(rows)
    start = arrays_of(nn.Linear(4, 3))
    turned = {WEIGHT: start["weight"].T.copy(), BIAS: start["bias"]}  # torch keeps (C, D)
    expected = theirs.train(turned, Work(1, seed=3, rate=0.2, **more))
    if "correction" in more:
        pull = more["correction"]
        more = {"correction": {"weight": pull[WEIGHT].T.copy(), "bias": pull[BIAS]}}
    found = ours.train(start, Work(1, seed=3, rate=0.2, **more))
    np.testing.assert_allclose(found.arrays["weight"].T, expected.arrays[WEIGHT], atol=1e-5)
    np.testing.assert_allclose(found.arrays["bias"], expected.arrays[BIAS], atol=1e-5)
    assert (found.steps, found.examples) == (expected.steps, expected.examples)
    assert found.metrics["train_loss"] == pytest.approx(expected.metrics["train_loss"], rel=1e-5)
    figures = theirs.evaluate(expected.arrays)
    assert ours.evaluate(found.arrays) == pytest.approx(figures, rel=1e-4)
