import pytest
import torch
from torch.nn import functional as F

from models.losses import DivergedError, category, contrastive, experts

KEYS = torch.arange(6)


def vectors(seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_contrastive_is_clips_loss_when_all_keys_differ():
    # Pseudocode of CLIP, figure 3: cross entropy of rows and of columns against the diagonal.
    left, right, scale = vectors(0), vectors(1), torch.tensor(5.0)
    logits = scale * left @ right.T
    expected = (F.cross_entropy(logits, KEYS) + F.cross_entropy(logits.T, KEYS)) / 2
    torch.testing.assert_close(contrastive(left, right, scale, KEYS, KEYS), expected)


def test_equal_contents_are_not_pushed_apart():
    # Two rows, same text, same vectors: nothing is left to learn, so the loss is 0.
    same = vectors(0)[:1].repeat(2, 1)
    keys = torch.tensor([4, 4])
    loss = contrastive(same, same, torch.tensor(50.0), torch.tensor([0, 1]), keys)
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    apart = contrastive(same, same, torch.tensor(50.0), torch.tensor([0, 1]), torch.tensor([4, 5]))
    assert apart.item() == pytest.approx(0.6931, abs=1e-3)  # ln 2: a coin toss


def test_category_ignores_rows_without_a_class():
    scores = torch.randn(4, 3, generator=torch.Generator().manual_seed(2))
    label = torch.tensor([0, -1, 2, -1])
    expected = F.cross_entropy(scores[[0, 2]], label[[0, 2]])
    torch.testing.assert_close(category(scores, label, smoothing=0.0), expected)


def test_losses_without_any_label_are_zero_and_have_a_gradient():
    scores = torch.randn(2, 4, 3, requires_grad=True)
    none = torch.tensor([-1, -1])
    loss = category(scores[:, 0], none, smoothing=0.1)
    loss = loss + experts(scores, torch.ones(2, 4, dtype=torch.bool), none, smoothing=0.1)
    loss.backward()
    assert loss.item() == 0.0
    assert scores.grad is not None
    assert not scores.grad.any()


def test_experts_average_over_present_views_only():
    scores = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(3))
    present = torch.tensor([[True, False], [True, True]])
    label = torch.tensor([1, 2])
    expected = F.cross_entropy(
        torch.stack([scores[0, 0], scores[1, 0], scores[1, 1]]), torch.tensor([1, 2, 2])
    )
    torch.testing.assert_close(experts(scores, present, label, smoothing=0.0), expected)


def test_divergence_names_step_and_learning_rate():
    error = DivergedError(loss=float("nan"), step=12, learning_rate=0.5)
    assert "loss became nan at step 12 with learning rate 0.5" in str(error)
    assert "train.learning_rate" in str(error)
