"""What training minimises: naming the category, and bringing together what means the same.

Shapes: B batch, C classes, V views, D width.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


class DivergedError(RuntimeError):
    """The loss became NaN or infinite; names the step and the learning rate."""

    def __init__(self, *, loss: float, step: int, learning_rate: float) -> None:
        super().__init__(
            f"loss became {loss} at step {step} with learning rate {learning_rate:.3g}: "
            "lower train.learning_rate, or look for NaN or huge values among the features"
        )
        self.step = step
        self.learning_rate = learning_rate


def contrastive(
    left_BD: Tensor, right_BD: Tensor, scale: Tensor, left_key_B: Tensor, right_key_B: Tensor
) -> Tensor:
    """Symmetric InfoNCE with several right answers.

    Rows with the same key are the same thing (one text spoken twice, one picture with two
    captions): each of them is a right answer, none is a negative. Plain InfoNCE would push equal
    texts apart. With all keys different this is CLIP's loss.

    Args:
        left_BD, right_BD: unit vectors; row i of one belongs to row i of the other.
        scale: inverse temperature, a scalar.
        left_key_B, right_key_B: integers; two rows match if either key does.

    Returns:
        Scalar: mean over both directions and all rows.

    Source: Radford et al. 2021, https://arxiv.org/abs/2103.00020, figure 3; several positives as in
    Khosla et al. 2020, https://arxiv.org/abs/2004.11362, equation 3 (sum inside the logarithm).
    """
    logits_BB = scale * left_BD @ right_BD.T
    same_BB = (left_key_B[:, None] == left_key_B) | (right_key_B[:, None] == right_key_B)
    other = torch.finfo(logits_BB.dtype).min
    right_answers = logits_BB.masked_fill(~same_BB, other)
    forward = logits_BB.logsumexp(1) - right_answers.logsumexp(1)
    backward = logits_BB.logsumexp(0) - right_answers.logsumexp(0)
    return 0.5 * (forward.mean() + backward.mean())


def category(logits_BC: Tensor, label_B: Tensor, *, smoothing: float) -> Tensor:
    """Cross entropy over the rows that have a class; 0 if none has. Label -1: no class."""
    known = label_B >= 0
    if not bool(known.any()):
        return logits_BC.sum() * 0.0  # keeps the graph, so that backward() has a path
    return F.cross_entropy(logits_BC[known], label_B[known], label_smoothing=smoothing)


def experts(logits_BVC: Tensor, present_BV: Tensor, label_B: Tensor, *, smoothing: float) -> Tensor:
    """Each view's own cross entropy, averaged over the views that are present in labelled rows.

    Keeps every expert good alone. Without it the strongest view explains the labels, the others
    stop learning, and the model is helpless when that view is missing (Peng et al. 2022,
    https://arxiv.org/abs/2203.15332).
    """
    weight_BV = present_BV & (label_B >= 0)[:, None]
    if not bool(weight_BV.any()):
        return logits_BVC.sum() * 0.0
    views = logits_BVC.shape[1]
    label_BV = label_B[:, None].expand(-1, views)
    return F.cross_entropy(logits_BVC[weight_BV], label_BV[weight_BV], label_smoothing=smoothing)
