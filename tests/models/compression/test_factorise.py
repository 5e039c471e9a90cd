import pytest
import torch
from torch import nn

from models.compression.calibration import CalibrationError, ask
from models.compression.factorise import factorised, low_rank, second_moments
from models.compression.low_rank import LowRank
from models.compression.reload import numbers, reload
from models.compression.student import parameters


@pytest.fixture
def layer() -> nn.Linear:
    torch.manual_seed(2)
    return nn.Linear(12, 9).double().requires_grad_(False)


@pytest.fixture
def rows() -> torch.Tensor:
    """Activations that lie mostly in a few directions, as real ones do."""
    generator = torch.Generator().manual_seed(5)
    mix = torch.randn(12, 12, generator=generator).double() * 0.6 ** torch.arange(12)
    return torch.randn(200, 12, generator=generator).double() @ mix.T


def weight_of(thin: LowRank) -> torch.Tensor:
    return thin.second.weight @ thin.first.weight


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_plain_truncation_reaches_the_bound_of_eckart_and_young(layer, rank):
    # The best rank-R matrix misses by the root of the sum of squares of the values cut.
    thin = factorised(layer, rank=rank, moment=None)
    missed = torch.linalg.norm(layer.weight - weight_of(thin))
    values = torch.linalg.svdvals(layer.weight)
    torch.testing.assert_close(missed, values[rank:].square().sum().sqrt())
    assert torch.equal(thin.second.bias, layer.bias)


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_weighed_truncation_reaches_the_bound_for_its_inputs(layer, rows, rank):
    # Over all rank-R outputs, ||X W' - Y|| is least for the truncated SVD of X W' itself, and that
    # one is linear in X: so its cut singular values are the bound for any rank-R weight.
    thin = factorised(layer, rank=rank, moment=rows.T @ rows)
    missed = torch.linalg.norm(rows @ (layer.weight - weight_of(thin)).T)
    values = torch.linalg.svdvals(rows @ layer.weight.T)
    torch.testing.assert_close(missed, values[rank:].square().sum().sqrt())
    plain = factorised(layer, rank=rank, moment=None)
    assert missed < torch.linalg.norm(rows @ (layer.weight - weight_of(plain)).T)


def test_directions_without_inputs_cost_nothing(layer):
    # Inputs in 4 of 12 directions: rank 4 is exact on them, and nothing becomes NaN elsewhere.
    generator = torch.Generator().manual_seed(1)
    rows = torch.zeros(50, 12).double()
    rows[:, :4] = torch.randn(50, 4, generator=generator).double()
    thin = factorised(layer, rank=4, moment=rows.T @ rows)
    torch.testing.assert_close(thin(rows), layer(rows), rtol=1e-6, atol=1e-6)
    assert bool(weight_of(thin).isfinite().all())


def test_moments_are_sums_over_all_positions_of_all_samples(small_audio, small_samples):
    found = second_moments(small_audio, small_samples["audio"])
    seen = []
    hook = small_audio.encoder.encoder.blocks[0].feed_out.register_forward_pre_hook(
        lambda _, given: seen.append(given[0].flatten(0, 1).double())
    )
    for inputs in small_samples["audio"].inputs:
        small_audio(*inputs)
    hook.remove()
    rows = torch.cat(seen)
    torch.testing.assert_close(
        found["encoder.encoder.blocks.0.feed_out"], rows.T @ rows, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("view", ["caption", "audio", "text", "image"])
@pytest.mark.parametrize("weighed", [True, False])
def test_smaller_and_read_back_by_shapes(small_student, small_samples, view, weighed):
    module, calibration = small_student.views[view], small_samples[view]
    thin = low_rank(
        module, energy=None, rank_share=0.5, calibration=calibration if weighed else None
    )
    assert parameters(thin) < parameters(module)
    assert not any(isinstance(layer, LowRank) for layer in module.modules())  # unchanged
    again = reload(module, thin.state_dict(), numbers(thin))
    assert torch.equal(ask(again, calibration).scores, ask(thin, calibration).scores)


def test_all_energy_but_a_little_keeps_the_answers(small_caption, small_samples):
    calibration = small_samples["caption"]
    with torch.no_grad():  # real layers are nearly of low rank; random ones are not: make them so
        for layer in small_caption.modules():
            if type(layer) is nn.Linear and min(layer.weight.shape) > 6:
                u, s, v = torch.linalg.svd(layer.weight, full_matrices=False)
                layer.weight.copy_(u[:, :5] * s[:5] @ v[:5])
    expected = ask(small_caption, calibration)
    thin = low_rank(small_caption, energy=0.99999, rank_share=None, calibration=calibration)
    assert parameters(thin) < 0.7 * parameters(small_caption)
    torch.testing.assert_close(ask(thin, calibration).scores, expected.scores, rtol=0, atol=0.02)


def test_layers_that_would_not_shrink_are_left(small_caption):
    # Random matrices need nearly all of their rank: two thin ones would be larger than the wide.
    thin = low_rank(small_caption, energy=0.999, rank_share=None, calibration=None)
    assert not any(isinstance(layer, LowRank) for layer in thin.modules())


@pytest.mark.parametrize(
    ("energy", "share", "said"),
    [
        (None, None, "give one"),
        (0.5, 0.5, "give one"),
        (1.0, None, "energy=1"),
        (None, 0, "share=0"),
    ],
)
def test_impossible_settings_are_refused(small_text, energy, share, said):
    with pytest.raises(ValueError, match=said):
        low_rank(small_text, energy=energy, rank_share=share, calibration=None)


def test_calibration_of_another_view_is_refused(small_text, small_samples):
    with pytest.raises(CalibrationError, match="view text"):
        low_rank(small_text, energy=None, rank_share=0.5, calibration=small_samples["audio"])
