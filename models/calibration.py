"""Learn the gates on validation rows, once the experts are trained.

On the rows that it learned from, every expert looks nearly perfect: the speech expert has memorised
its words there, and gates trained beside it trust it as much as the others. Only unseen groups show
what an expert is worth. So training leaves the gates at their given trust and this fits them
afterwards: some forty numbers, pulled towards that trust, on all subsets of modalities at once, so
that the answer is calibrated whatever is missing.

Source: stacking, Wolpert 1992 (https://doi.org/10.1016/S0893-6080(05)80023-1); with one expert
present it is temperature scaling, Guo et al. 2017 (https://arxiv.org/abs/1706.04599).
"""

import copy

import torch
from torch import Tensor

from models.batches import SUBSETS, Examples
from models.losses import category
from models.multimodal import Multimodal

STEPS = 100
"""Of L-BFGS; it stops by itself long before."""


def fit_gates(model: Multimodal, examples: Examples, rows: Tensor, *, decay: float) -> float:
    """Set `model.fusion` to what explains the rows best.

    Args:
        model: trained, in evaluation mode; only its gates change.
        rows: validation rows; those without a class are ignored.
        decay: weight of the squared distance from where they start; 0 trusts the rows alone.

    Returns:
        Mean negative log-likelihood over rows and subsets afterwards, without the decay; the
        gates stay as they are, and it is 0, if no row has a class.
    """
    rows = rows[examples.label[rows] >= 0]
    if not len(rows):
        return 0.0
    batch = examples.batch(rows)
    with torch.no_grad():
        experts = model(batch).experts.double()
    present = torch.cat([batch.only(*subset).present for subset in SUBSETS])
    experts = experts.repeat(len(SUBSETS), 1, 1)
    label = examples.label[rows].repeat(len(SUBSETS))
    fusion = copy.deepcopy(model.fusion).double().requires_grad_(True)
    start = [parameter.detach().clone() for parameter in fusion.parameters()]
    optimizer = torch.optim.LBFGS(
        fusion.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe"
    )

    def nll() -> Tensor:
        return category(fusion(experts, present)[0], label, smoothing=0.0)

    def closure() -> Tensor:
        optimizer.zero_grad()
        pairs = zip(fusion.parameters(), start, strict=True)
        pull = torch.stack([(now - then).square().sum() for now, then in pairs]).sum()
        loss = nll() + decay * pull
        torch.autograd.backward(loss)
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    model.fusion.load_state_dict(fusion.state_dict())
    with torch.no_grad():
        return float(fusion(experts, present)[0].gather(1, label[:, None]).mean().neg())
