"""Frames of clips in one tensor: where each clip ends.

Frames are standardised (models/encoders/audio_frontend.py), so that a real frame is never zero in
all bins; zeros after the last real frame are padding. That keeps a clip in one tensor.

Shapes: B clips, F frames, M bins.
"""

import torch
from torch import Tensor


def frame_lengths(frames_BFM: Tensor) -> Tensor:
    """(B,) long: frames up to the last that is not padding; 0 for an absent clip."""
    real_BF = frames_BFM.ne(0).any(-1)
    count = torch.arange(1, frames_BFM.shape[1] + 1, device=frames_BFM.device)
    return (real_BF * count).amax(1)


def length_mask(lengths_B: Tensor, longest: int) -> Tensor:
    """(B, longest) bool: which positions lie inside each clip."""
    return torch.arange(longest, device=lengths_B.device) < lengths_B[:, None]


def halved(lengths_B: Tensor) -> Tensor:
    """Lengths after a convolution of stride 2, kernel 3, padding 1."""
    return (lengths_B + 1) // 2


def cropped(frames_BFM: Tensor, lengths_B: Tensor) -> Tensor:
    """Without the padding that no clip of the batch needs, which only costs time."""
    return frames_BFM[:, : max(int(lengths_B.max()), 1)]
