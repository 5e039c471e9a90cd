"""Stop where a gradient is no number, and say which."""

import torch
from torch import nn


def finite_gradients(module: nn.Module, *, step: int) -> None:
    """Check all gradients of a module after `backward`.

    Raises:
        ValueError: one is NaN or infinite; names the parameter and the step.
    """
    for name, value in module.named_parameters():
        if value.grad is not None and not bool(torch.isfinite(value.grad).all()):
            bad = int((~torch.isfinite(value.grad)).sum())
            raise ValueError(
                f"step {step}: {bad} of {value.numel()} gradients of {name!r} are not finite: "
                "lower the learning rate, or look for NaN in the features"
            )
