"""What a student has to get right: the teacher's scores, its vectors, its features, the labels.

Shapes: B batch, C classes, D width.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class DistilWeights:
    """How much each part of the loss counts; 0 leaves it out.

    Args:
        logits: softened scores.
        features: what the tower makes of a content, through a learned map.
        attention: where the last block looks.
        hard: the labels.
        vectors: the vectors that retrieval compares.
    """

    logits: float
    features: float
    attention: float
    hard: float
    vectors: float

    def __post_init__(self) -> None:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, weight in given.items():
            if not 0 <= weight < float("inf"):
                raise ValueError(f"weights.{name}={weight}: must be 0 or more")
        if not any(given.values()):
            raise ValueError("weights: all are 0, so that there is nothing to learn; raise one")


def soft_scores(student_BC: Tensor, teacher_BC: Tensor, *, temperature: float) -> Tensor:
    """KL of softened scores, times the square of the temperature; mean over the batch.

    Source: Hinton et al. 2015, https://arxiv.org/abs/1503.02531, section 2.
    """
    return temperature**2 * F.kl_div(
        (student_BC / temperature).log_softmax(-1),
        (teacher_BC / temperature).log_softmax(-1),
        reduction="batchmean",
        log_target=True,
    )


def apart(student_BD: Tensor, teacher_BD: Tensor) -> Tensor:
    """1 - cosine of the vectors, mean over the batch."""
    return 1 - F.cosine_similarity(student_BD, teacher_BD, dim=-1).mean()


def feature_error(mapped_BX: Tensor, teacher_BX: Tensor) -> Tensor:
    """Squared error as a share of the teacher's mean square: 1 for an answer of zeros.

    Source: hints of Romero et al. 2014 (FitNets), https://arxiv.org/abs/1412.6550, through a
    learned linear map as in Jiao et al. 2019 (TinyBERT), https://arxiv.org/abs/1909.10351,
    equation 8. Differs in: relative, so that its weight means the same for every encoder.
    """
    scale = teacher_BX.square().mean().clamp(min=torch.finfo(teacher_BX.dtype).tiny)
    return F.mse_loss(mapped_BX, teacher_BX) / scale
