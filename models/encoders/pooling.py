"""Average a sequence over equal spans of time, whatever its length.

Shapes: B clips, P positions, D width, S segments.
"""

import torch
from torch import Tensor


def pool_segments(x_BPD: Tensor, lengths_B: Tensor, segments: int) -> Tensor:
    """The mean over each of S equal spans of a clip's own length.

    The s-th span covers positions floor(s P / S) to ceil((s + 1) P / S), as in
    `torch.nn.functional.adaptive_avg_pool1d`, but with each clip's own P. Spans overlap where a
    clip has fewer than S positions.

    Args:
        x_BPD: vectors in time; what lies beyond a clip's length is ignored.
        lengths_B: long, valid positions of each clip; 0 counts as 1.
        segments: S.

    Returns:
        (B, S, D).
    """
    lengths = lengths_B.clamp(1, x_BPD.shape[1])[:, None]
    spans = torch.arange(segments, device=x_BPD.device)
    start_BS = spans * lengths // segments
    end_BS = -((spans + 1) * -lengths // segments)
    where_P = torch.arange(x_BPD.shape[1], device=x_BPD.device)
    inside_BSP = (where_P >= start_BS[..., None]) & (where_P < end_BS[..., None])
    weights_BSP = inside_BSP.to(x_BPD.dtype) / (end_BS - start_BS)[..., None]
    return weights_BSP @ x_BPD


def masked_mean(x_BPD: Tensor, mask_BP: Tensor) -> Tensor:
    """The mean over the positions that the mask names; zeros where it names none. (B, D)."""
    weights = mask_BP.to(x_BPD.dtype)[..., None]
    return (x_BPD * weights).sum(1) / weights.sum(1).clamp(min=1.0)
