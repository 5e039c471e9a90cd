"""Dropout that draws from a generator of its own: clients in threads do not disturb each other.

torch's dropout draws from one generator for the whole process, so that what a client drops would
depend on who trains beside it.
"""

import torch
from torch import Tensor, nn


class OwnDropout(nn.Module):
    """As `nn.Dropout`, from `generator`.

    Args:
        share: of the inputs that training hides.
    """

    generator: torch.Generator | None = None

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.share:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - self.share, generator=self.generator)
        return x * keep / (1 - self.share)


def own_dropout(model: nn.Module) -> nn.Module:
    """Replace every dropout of a model, in place; weights and their names stay."""
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout):
                setattr(module, name, OwnDropout(child.p))
    return model


def draw_from(model: nn.Module, generator: torch.Generator) -> None:
    """Let all dropouts of a model draw from this generator."""
    for module in model.modules():
        if isinstance(module, OwnDropout):
            module.generator = generator
