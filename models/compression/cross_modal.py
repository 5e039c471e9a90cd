"""What a strong modality says, as the lesson of a weak one.

A recording says little about its category, the picture beside it a lot. Where both belong to one
row, the fused answer, or another view's, is a better target for the weak view's expert than its own
teacher's; and the vectors of the view it is compared with are the points it has to reach.

Source: Gupta et al. 2015, https://arxiv.org/abs/1507.00448.

Shapes: N rows, K contents of the view, C classes, D width.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from models.batches import VIEWS, Examples
from models.compression.answers import Answers
from models.fusion import GatedProduct

FUSED = "fused"
"""The answer of all views together, as the fusion weighs them."""


@torch.no_grad()
def cross_modal_targets(
    examples: Examples,
    answers: Mapping[str, Answers],
    fusion: GatedProduct,
    *,
    view: str,
    rows: Tensor,
    scores: str,
    vectors: str,
) -> Answers:
    """Targets for each content of a view, told by others.

    A content that several rows hold gets the mean of their answers; one that no row holds together
    with the view that tells keeps what its own teacher said.

    Args:
        examples: which row holds which contents; its labels are not looked at.
        answers: of the teacher, for every view.
        fusion: of the teacher.
        view: which is to learn.
        rows: (N,) rows to learn from; never test rows.
        scores: whose scores: a view, or "fused".
        vectors: whose vectors: a view.

    Raises:
        ValueError: a name is neither a view nor "fused".
    """
    for name, allowed in ((view, VIEWS), (scores, (FUSED, *VIEWS)), (vectors, VIEWS)):
        if name not in allowed:
            raise ValueError(f"{name!r} cannot teach or learn: allowed are {', '.join(allowed)}")
    own = answers[view]
    here = {name: examples.place[name][rows] for name in VIEWS}
    told = own.scores
    if scores != view:
        if scores == FUSED:
            log_probability, present = _fused(answers, fusion, here), here[view] >= 0
        else:
            log_probability = answers[scores].scores[here[scores].clamp(min=0)].log_softmax(1)
            present = (here[view] >= 0) & (here[scores] >= 0)
        mean, found = _means(log_probability.exp(), here[view], present, len(own.scores))
        told = torch.where(found[:, None], mean.clamp(min=1e-12).log(), own.scores.log_softmax(1))
    shown = own.vectors
    if vectors != view:
        present = (here[view] >= 0) & (here[vectors] >= 0)
        others = answers[vectors].vectors[here[vectors].clamp(min=0)]
        mean, found = _means(others, here[view], present, len(own.vectors))
        shown = torch.where(found[:, None], F.normalize(mean, dim=1), own.vectors)
    return Answers(told, shown)


def _fused(
    answers: Mapping[str, Answers], fusion: GatedProduct, here: Mapping[str, Tensor]
) -> Tensor:
    scores_NVC = torch.stack([answers[view].scores[here[view].clamp(min=0)] for view in VIEWS], 1)
    present_NV = torch.stack([here[view] >= 0 for view in VIEWS], 1)
    log_probability: Tensor = fusion(scores_NVC, present_NV)[0]
    return log_probability


def _means(
    values_NX: Tensor, place_N: Tensor, present_N: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """Mean (K, X) over the rows of each content, and which contents have any (K,)."""
    place = place_N[present_N]
    sums = values_NX.new_zeros(count, values_NX.shape[1]).index_add(0, place, values_NX[present_N])
    sizes = torch.bincount(place, minlength=count)
    return sums / sizes.clamp(min=1)[:, None], sizes > 0
