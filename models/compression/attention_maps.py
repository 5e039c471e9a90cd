"""Where a transformer looks: the attention of its last block, recomputed from queries and keys.

Fast attention kernels never form the map, so it is made here from what their linear layers gave.

Shapes: B batch, P positions, H heads, E width of a head.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.compression.student import ViewModel
from models.encoders.audio_whisper import WhisperEncoder
from models.encoders.text_minilm import MiniLM


class AttentionMaps:
    """Queries and keys of the last block, as the latest call of a module left them."""

    def __init__(self) -> None:
        self.heads = 1
        self.query: Tensor | None = None
        self.key: Tensor | None = None

    def logarithm(self, mask_BP: Tensor | None) -> Tensor:
        """Log of the map (B, P, P), averaged over heads: student and teacher may differ in them.

        Args:
            mask_BP: which positions are real; None for all.
        """
        if self.query is None or self.key is None:
            raise ValueError("no attention was seen: call the module first")
        query, key = (self._split(x) for x in (self.query, self.key))
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        if mask_BP is not None:
            lowest = torch.finfo(scores.dtype).min
            scores = scores.masked_fill(~mask_BP[:, None, None].bool(), lowest)
        total: Tensor = scores.log_softmax(-1).logsumexp(1)
        return total - math.log(self.heads)

    def _split(self, x_BPD: Tensor) -> Tensor:
        batch, positions, _ = x_BPD.shape
        return x_BPD.view(batch, positions, self.heads, -1).transpose(1, 2)


@contextmanager
def watched(module: ViewModel) -> Iterator[AttentionMaps]:
    """Notes the attention of every call of a view inside the block.

    Raises:
        ValueError: the view's encoder is no transformer.
    """
    seen = AttentionMaps()
    hooks = []
    encoder = next((m for m in module.modules() if isinstance(m, MiniLM | WhisperEncoder)), None)
    match encoder:
        case MiniLM():
            attention: Any = encoder.bert.encoder.layer[-1].attention.self
            seen.heads = attention.num_attention_heads

            def note_query(_: nn.Module, __: object, out: Tensor) -> None:
                seen.query = out

            def note_key(_: nn.Module, __: object, out: Tensor) -> None:
                seen.key = out

            hooks.append(attention.query.register_forward_hook(note_query))
            hooks.append(attention.key.register_forward_hook(note_key))
        case WhisperEncoder():
            block: Any = encoder.blocks[-1]
            seen.heads = block.heads

            def note_joint(_: nn.Module, __: object, out: Tensor) -> None:
                seen.query, seen.key, _value = out.chunk(3, -1)

            hooks.append(block.query_key_value.register_forward_hook(note_joint))
        case _:
            raise ValueError(
                f"view {module.view}: it has no attention to learn from; set the weight of "
                "attention to 0 for this view"
            )
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def attention_loss(
    student: AttentionMaps, teacher: AttentionMaps, mask_BP: Tensor | None
) -> Tensor:
    """KL of the student's map from the teacher's, mean over real positions.

    Source: Wang et al. 2020 (MiniLM), https://arxiv.org/abs/2002.10957, equation 1, of the last
    block. Differs in: mean over heads first, so that the student may have fewer.
    """
    log_student, log_teacher = student.logarithm(mask_BP), teacher.logarithm(mask_BP)
    divergence_BP = F.kl_div(log_student, log_teacher, reduction="none", log_target=True).sum(-1)
    if mask_BP is None:
        return divergence_BP.mean()
    real = mask_BP.to(divergence_BP.dtype)
    return (divergence_BP * real).sum() / real.sum().clamp(min=1)
