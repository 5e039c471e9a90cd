"""Averaging in time, and where clips end."""

import torch
from torch.nn import functional as F

from models.encoders.frames import cropped, frame_lengths, halved, length_mask
from models.encoders.pooling import masked_mean, pool_segments


def test_segments_of_full_clips_equal_torchs_adaptive_average():
    for positions in (1, 3, 8, 13, 50):
        x = torch.randn(2, positions, 5, generator=torch.Generator().manual_seed(positions))
        ours = pool_segments(x, torch.tensor([positions, positions]), 8)
        theirs = F.adaptive_avg_pool1d(x.transpose(1, 2), 8).transpose(1, 2)
        torch.testing.assert_close(ours, theirs)


def test_what_lies_beyond_a_clip_does_not_count():
    x = torch.randn(1, 10, 4, generator=torch.Generator().manual_seed(0))
    padded = torch.cat([x, torch.full((1, 7, 4), 1e6)], 1)
    torch.testing.assert_close(
        pool_segments(padded, torch.tensor([10]), 4), pool_segments(x, torch.tensor([10]), 4)
    )


def test_a_clip_of_length_zero_counts_as_one_position():
    assert pool_segments(torch.zeros(1, 5, 2), torch.tensor([0]), 3).tolist() == [[[0.0, 0.0]] * 3]


def test_masked_mean_by_hand():
    x = torch.tensor([[[2.0], [4.0], [100.0]], [[7.0], [8.0], [9.0]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert masked_mean(x, mask).tolist() == [[3.0], [0.0]]


def test_lengths_are_read_from_the_padding():
    frames = torch.zeros(3, 6, 2)
    frames[0, :4] = 1.0
    frames[1, :5] = 1.0
    frames[1, 2] = 0.0  # an empty frame inside a clip is not its end
    lengths = frame_lengths(frames)
    assert lengths.tolist() == [4, 5, 0]
    assert cropped(frames, lengths).shape == (3, 5, 2)
    assert cropped(frames[2:], lengths[2:]).shape == (1, 1, 2), "an absent clip keeps a frame"
    assert length_mask(lengths, 5).sum(1).tolist() == [4, 5, 0]


def test_halving_is_what_a_strided_convolution_does():
    for length in range(1, 9):
        made = F.conv1d(torch.zeros(1, 1, length), torch.zeros(1, 1, 3), stride=2, padding=1)
        assert int(halved(torch.tensor([length]))) == made.shape[-1]
