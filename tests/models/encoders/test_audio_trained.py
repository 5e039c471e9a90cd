"""Speech encoders from scratch: shapes, independence of padding and neighbours, learning."""

import pytest
import torch
from torch import nn

from models.encoders.audio_conformer import Attention, AudioConformer
from models.encoders.audio_conv import AudioConv


def small(kind: str, **changes: int) -> nn.Module:
    torch.manual_seed(0)
    settings = {"width": 16, "layers": 2, "segments": 4, "kernel": 5, "dropout": 0.1} | changes
    if kind == "conformer":
        return AudioConformer(**{"heads": 2, **settings}).eval()
    return AudioConv(**settings).eval()


def clips(*lengths: int) -> torch.Tensor:
    made = torch.zeros(len(lengths), max(lengths), 80)
    for row, length in enumerate(lengths):
        generator = torch.Generator().manual_seed(length)
        made[row, :length] = torch.randn(length, 80, generator=generator)
    return made


@pytest.mark.parametrize("kind", ["conv", "conformer"])
def test_a_clip_does_not_see_its_neighbours_or_its_padding(kind):
    encoder = small(kind)
    together = encoder(clips(37, 90, 64))
    assert together.shape == (3, 4, 16)
    for row, length in enumerate((37, 90, 64)):
        torch.testing.assert_close(together[row], encoder(clips(length))[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["conv", "conformer"])
def test_absent_clips_and_half_precision_are_fine(kind):
    frames = torch.cat([clips(40), torch.zeros(1, 40, 80)]).half()
    assert small(kind)(frames).isfinite().all()


@pytest.mark.parametrize("kind", ["conv", "conformer"])
def test_it_learns_which_half_is_loud(kind):
    encoder = small(kind)
    head = nn.Linear(64, 2)
    frames = clips(*[40] * 16)
    label = torch.arange(16) % 2
    for row in range(16):
        start = 20 * int(label[row])
        frames[row] = torch.randn(40, 80, generator=torch.Generator().manual_seed(100 + row))
        frames[row, start : start + 20] += 2.0
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], 3e-3)
    for _ in range(30):
        loss = nn.functional.cross_entropy(head(encoder(frames).flatten(1)), label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1


def test_attention_equals_torchs_own():
    ours = Attention(width=8, heads=2, dropout=0.0).eval()
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.query_key_value.weight,
            "in_proj_bias": ours.query_key_value.bias,
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[True] * 5, [True, True, True, False, False]])
    normed = ours.norm(x)
    expected, _ = theirs(normed, normed, normed, key_padding_mask=~mask)
    torch.testing.assert_close(ours(x, mask)[mask], (x + expected)[mask])


@pytest.mark.parametrize("kind", ["conv", "conformer"])
def test_an_even_kernel_is_refused(kind):
    with pytest.raises(ValueError, match="kernel=4: must be odd"):
        small(kind, kernel=4)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="heads=3: must divide width=16"):
        small("conformer", heads=3)
