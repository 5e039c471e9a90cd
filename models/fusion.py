"""Fusion of whatever modalities are present: a gated product of experts.

Every view (image, caption, spelling, audio) has an expert that names the category alone. Their
log-probabilities are added, each weighed by a gate that sees how sure every present expert is.
Gates start at a trust given for each view; at 1 this is the product of probabilities. With one view
present the answer is that expert's answer, whatever the gate: a missing modality cannot spoil
the others.

Shapes: B batch, V views, C classes.
Sources: product of experts, Hinton 2002 (https://doi.org/10.1162/089976602760128018); gates as in
Arevalo et al. 2017 (https://arxiv.org/abs/1702.01992), differing in one gate per view instead of
per feature; modality dropout, Neverova et al. 2016 (https://arxiv.org/abs/1501.00102).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GatedProduct(nn.Module):
    """Weigh and multiply the experts that are present.

    Args:
        trust: gates before any is learned, one per view, each above 0.
        classes: number of labels C.
    """

    def __init__(self, *, trust: Sequence[float], classes: int) -> None:
        super().__init__()
        views = len(trust)
        if views < 2 or min(trust) <= 0:
            raise ValueError(f"trust={list(trust)}: at least 2 views, each trusted above 0")
        if classes < 2:
            raise ValueError(f"classes={classes}: at least 2 are needed")
        self.log_classes = math.log(classes)
        self.gate = nn.Linear(2 * views, views)
        nn.init.zeros_(self.gate.weight)
        with torch.no_grad():
            self.gate.bias.copy_(torch.tensor(trust).expm1().log())  # softplus undoes it

    def forward(self, logits_BVC: Tensor, present_BV: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse.

        Args:
            logits_BVC: one expert's scores per view; those of absent views are ignored, even NaN.
            present_BV: bool, which views this row has.

        Returns:
            Fused log-probabilities (B, C), uniform where nothing is present, and gates (B, V),
            0 where absent.
        """
        logits_BVC = logits_BVC.masked_fill(~present_BV[..., None], 0.0)
        log_BVC = logits_BVC.log_softmax(-1)
        sure_BV = 1 + (log_BVC.exp() * log_BVC).sum(-1) / self.log_classes  # 1 - normed entropy
        here_BV = present_BV.to(log_BVC.dtype)
        # What the gates know must not teach the experts to look sure.
        seen = torch.cat([sure_BV.detach() * here_BV, here_BV], 1)
        gates_BV = F.softplus(self.gate(seen)) * here_BV
        return (gates_BV[..., None] * log_BVC).sum(1).log_softmax(-1), gates_BV


def drop_modalities(present_BV: Tensor, *, share: float, generator: torch.Generator) -> Tensor:
    """Hide each view with probability `share`, but never the last one a row has.

    Args:
        present_BV: bool, what is there.
        share: probability of hiding a view.
        generator: source of randomness; the same generator state hides the same views.
    """
    draw_BV = torch.rand(present_BV.shape, generator=generator)
    kept_BV = present_BV & (draw_BV >= share)
    # Where all were hidden, the one with the highest draw comes back.
    spare_B = draw_BV.masked_fill(~present_BV, -1.0).argmax(1)
    rescued_BV = F.one_hot(spare_B, present_BV.shape[1]).bool() & present_BV
    return torch.where(kept_BV.any(1, keepdim=True), kept_BV, rescued_BV)
