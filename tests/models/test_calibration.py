import dataclasses

import pytest
import torch

from models.batches import SUBSETS
from models.calibration import fit_gates


@pytest.fixture
def two_experts(model, examples):
    """Pictures are right but timid; speech is sure of itself and no better than luck."""
    generator = torch.Generator().manual_seed(0)
    label = examples.label.clamp(min=0)
    right = torch.nn.functional.one_hot(label, 3).float()
    noise = torch.randn(len(examples), 3, generator=generator)

    class Known(torch.nn.Module):
        def __init__(self, scores):
            super().__init__()
            self.scores = scores

        def forward(self, x):
            return self.scores[: len(x)], torch.zeros(len(x), 8)

    model.eval()
    for view, scores in {"image": right, "audio": 5 * noise}.items():
        model.views[view] = Known(scores)
    return model


def accuracy(model, examples, rows, *subset):
    batch = examples.batch(rows)
    found = model(batch.only(*subset) if subset else batch).log_probability.argmax(1)
    return (found == examples.label[rows]).float().mean().item()


def test_an_expert_that_guesses_is_no_longer_heard(two_experts, examples):
    rows = torch.arange(45)
    batch = examples.batch(rows)
    before = accuracy(two_experts, examples, rows, "image", "audio")
    loss = fit_gates(two_experts, examples, rows, decay=1e-4)
    after = accuracy(two_experts, examples, rows, "image", "audio")
    assert before < 0.7 < 0.97 < after  # row 0 has no picture
    gates = two_experts(batch).gates
    assert gates[1:, 0].mean() > 1.5, "the timid expert must be turned up"
    assert gates[1:, 3].mean() < 0.3, "the guessing expert must be turned down"
    label = examples.label[rows]
    nll = [
        torch.nn.functional.nll_loss(two_experts(batch.only(*subset)).log_probability, label)
        for subset in SUBSETS
    ]
    assert loss == pytest.approx(torch.stack(nll).mean().item(), rel=1e-4)


def test_strong_decay_keeps_the_plain_product(two_experts, examples):
    fit_gates(two_experts, examples, torch.arange(45), decay=1e6)
    gates = two_experts(examples.batch(torch.arange(2, 45))).gates
    torch.testing.assert_close(gates, torch.ones(43, 4), rtol=0, atol=1e-3)


def test_only_gates_change(model, examples):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fit_gates(model.eval(), examples, torch.arange(40), decay=0.01)
    changed = {n for n, v in model.state_dict().items() if not torch.equal(v, before[n])}
    assert changed == {"fusion.gate.weight", "fusion.gate.bias"}


def test_without_labels_gates_stay(model, examples):
    unlabelled = dataclasses.replace(examples, label=torch.full_like(examples.label, -1))
    assert fit_gates(model.eval(), unlabelled, torch.arange(9), decay=0.01) == 0.0
    assert not model.fusion.gate.weight.any()
