"""Stand-ins for tracing share the weights of what they stand for, and answer the same."""

import pytest
import torch

from models.compression.graphs.traceable import PaddedSpelling, WholeSubsampling, traceable
from models.encoders.audio_conv import Subsampling
from models.encoders.text_spelling import SpellingEncoder


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_letters_padded_or_in_one_row(kernel, length):
    random = torch.Generator().manual_seed(length)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(kernel)
        encoder = SpellingEncoder(
            vocabulary=20, width=8, layers=3, kernel=kernel, segments=4, dropout=0.2
        ).eval()
    padded = PaddedSpelling(encoder)
    assert padded.embedding is encoder.embedding
    assert padded.layers is encoder.layers
    real = torch.arange(length) < torch.randint(1, length + 1, (9, 1), generator=random)
    letters = torch.randint(1, 20, (9, length), generator=random) * real
    torch.testing.assert_close(padded(letters), encoder(letters), atol=1e-5, rtol=0)
    nothing = torch.zeros(1, length, dtype=torch.long)
    torch.testing.assert_close(padded(nothing), encoder(nothing), atol=1e-5, rtol=0)


def test_frames_whole_or_cropped():
    random = torch.Generator().manual_seed(0)
    module = Subsampling(bins=4, width=8).eval()
    frames = torch.randn(3, 30, 4, generator=random)
    frames[:, 17:] = 0
    frames[1, 5:] = 0
    frames[2] = 0
    whole, lengths = WholeSubsampling(module)(frames)
    cropped, same = module(frames)
    assert torch.equal(lengths, same)
    torch.testing.assert_close(whole[:, : cropped.shape[1]], cropped)
    assert not whole[:, cropped.shape[1] :].any()


def test_the_module_given_stays_as_it_was(student):
    module = student.views["text"]
    copied = traceable(module)
    assert isinstance(module.head.tower.encoder, SpellingEncoder)
    assert isinstance(copied.head.tower.encoder, PaddedSpelling)
