"""The spelling encoder, against a plain convolution over padded texts."""

import pytest
import torch
from torch.nn import functional as F

from models.encoders.text_spelling import SpellingEncoder


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return SpellingEncoder(
        vocabulary=9, width=6, layers=2, kernel=3, segments=4, dropout=0.0
    ).eval()


IDS = torch.tensor([[2, 3, 4, 5, 6, 7, 8, 2], [8, 7, 6, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0, 0, 0]])


def convolved(encoder, ids):
    """One text by itself, with torch's own convolution and pooling."""
    x = encoder.embedding(ids[ids != 0][None])
    for layer in encoder.layers:
        # A linear layer over (offset, channel) is a convolution's (out, channel, offset).
        kernel = layer.filter.weight.view(6, 3, 6).transpose(1, 2)
        seen = F.conv1d(layer.norm(x).transpose(1, 2), kernel, layer.filter.bias, padding=1)
        x = x + F.gelu(seen).transpose(1, 2)
    return F.adaptive_avg_pool1d(x.transpose(1, 2), 4).transpose(1, 2)[0]


def test_equals_a_convolution_over_each_text_alone(encoder):
    expected = torch.stack([convolved(encoder, ids) for ids in IDS])
    torch.testing.assert_close(encoder(IDS), expected, atol=1e-6, rtol=1e-5)


def test_padding_and_neighbours_in_the_batch_do_not_matter(encoder):
    wider = F.pad(IDS, (0, 5))
    torch.testing.assert_close(encoder(wider), encoder(IDS))
    torch.testing.assert_close(encoder(IDS.flip(0)), encoder(IDS).flip(0))


def test_an_absent_text_is_finite(encoder):
    ids = IDS.clone()
    ids[2] = 0
    found = encoder(ids)
    torch.testing.assert_close(found[:2], encoder(IDS)[:2])
    assert torch.isfinite(found).all()
    assert encoder(torch.zeros(2, 8, dtype=torch.long)).shape == (2, 4, 6)


def test_order_of_letters_matters(encoder):
    backwards = IDS[:1].flip(1)
    assert not torch.allclose(encoder(backwards), encoder(IDS[:1]), atol=1e-3)


def test_wrong_sizes_are_refused():
    sizes = {"width": 4, "layers": 1, "segments": 2, "dropout": 0.0}
    with pytest.raises(ValueError, match="kernel=2: must be odd"):
        SpellingEncoder(vocabulary=9, kernel=2, **sizes)
    with pytest.raises(ValueError, match="vocabulary=2: no character"):
        SpellingEncoder(vocabulary=2, kernel=3, **sizes)
