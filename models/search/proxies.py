"""What an untrained network tells of itself: scores that cost one batch and no training.

Each is `proxy(module, inputs, loss) -> float`, more meaning better. `inputs` are the module's
arguments, one batch; `loss` takes the module's output and gives a scalar. None of them changes the
module or the random state: they work on a copy, with chance (dropout) seeded.

Their worth is to be compared with that of `params` and `flops`, which beat most of them on many
spaces (White et al. 2022, "A deeper look at zero-cost proxies for lightweight NAS").

Sources: grad_norm, snip, synflow, jacov and fisher as scores of whole networks, Abdelfattah et al.
2021, "Zero-cost proxies for lightweight NAS"; snip, Lee et al. 2019; synflow, Tanaka et al. 2020;
jacov, Mellor et al. 2020 (first version), "Neural architecture search without training"; fisher,
Turner et al. 2020, "BlockSwap".

Shapes: B batch, I numbers of one input, C channels.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Inputs = tuple[Tensor, ...]
Loss = Callable[[Any], Tensor]
Proxy = Callable[[nn.Module, Inputs, Loss], float]

SEED = 0
CONSTANT = 1e-5
"""Added to the eigenvalues in jacov, as its authors do."""


def params(module: nn.Module, _inputs: Inputs, _loss: Loss, /) -> float:
    """Parameters, shared ones once."""
    return float(sum(weight.numel() for weight in module.parameters()))


def flops(module: nn.Module, inputs: Inputs, _loss: Loss, /) -> float:
    """Floating-point operations of one forward pass over the batch; a multiply-add counts two."""
    from torch.utils.flop_counter import FlopCounterMode

    with _apart(module) as same, FlopCounterMode(display=False) as counter, torch.no_grad():
        same(*inputs)
    return float(counter.get_total_flops())


def macs(module: nn.Module, inputs: Inputs, loss: Loss, /) -> float:
    """Multiply-adds of one forward pass over the batch: half of the operations."""
    return flops(module, inputs, loss) / 2


def grad_norm(module: nn.Module, inputs: Inputs, loss: Loss, /) -> float:
    """Sum of the Euclidean norms of the loss's gradients, one norm a parameter tensor."""
    with _apart(module) as same:
        loss(same(*inputs)).backward()  # type: ignore[no-untyped-call]
        return sum(float(grad.norm()) for _, grad in _with_gradients(same))


def snip(module: nn.Module, inputs: Inputs, loss: Loss, /) -> float:
    """Sum of |weight x gradient|: what the loss would change by, were each weight cut."""
    with _apart(module) as same:
        loss(same(*inputs)).backward()  # type: ignore[no-untyped-call]
        return sum(float((weight * grad).abs().sum()) for weight, grad in _with_gradients(same))


def synflow(module: nn.Module, inputs: Inputs, _loss: Loss, /) -> float:
    """Sum of |weight| x gradient of the outputs' sum, with all weights positive and ones as input.

    For a chain of linear layers this counts every path from input to output by the product of its
    weights. Inputs that are no floats (token ids, masks) stay as they are. Layers that normalise
    over their own input (LayerNorm) hide what lies before them from this score.
    """
    with _apart(module) as same, torch.no_grad():
        for weight in same.parameters():
            weight.abs_()
        same.eval()  # batch statistics of one constant input would be zero over zero
        ones = tuple(torch.ones_like(x[:1]) if x.is_floating_point() else x[:1] for x in inputs)
        with torch.enable_grad():
            _first(same(*ones)).sum().backward()  # type: ignore[no-untyped-call]
        return sum(float((weight * grad).sum()) for weight, grad in _with_gradients(same))


def jacov(module: nn.Module, inputs: Inputs, _loss: Loss, /) -> float:
    """How differently the network reacts to different inputs: -sum(log(v + k) + 1 / (v + k)).

    v are the eigenvalues of the correlations (B, B) between the Jacobians (B, I) of the outputs'
    sum to each input; near 1 all if the network tells the inputs apart.

    Raises:
        ValueError: a batch of one, or a first input that is no floats and so has no gradient.
    """
    if not inputs[0].is_floating_point():
        raise ValueError(f"jacov needs floats to differentiate by, not {inputs[0].dtype}")
    if len(inputs[0]) < 2:
        raise ValueError("jacov compares the samples of a batch: give it at least 2, not 1")
    with _apart(module) as same:
        x = inputs[0].detach().clone().requires_grad_()
        output = _first(same(x, *inputs[1:]))
        (jacobian,) = torch.autograd.grad(output.sum(), x)
    jacobian_BI = jacobian.flatten(1).double()
    centred_BI = jacobian_BI - jacobian_BI.mean(dim=1, keepdim=True)
    # A Jacobian that is the same everywhere correlates with nothing.
    unit_BI = centred_BI / centred_BI.norm(dim=1, keepdim=True).clamp(min=1e-300)
    values = torch.linalg.eigvalsh(unit_BI @ unit_BI.T).clamp(min=0.0) + CONSTANT
    return -float((values.log() + 1 / values).sum())


def fisher(module: nn.Module, inputs: Inputs, loss: Loss, /) -> float:
    """Sum over the channels of all convolutions and linear layers of 1/2B sum((a g)^2).

    a is the channel's output, g the loss's gradient to it; both are multiplied and summed over
    places (pixels, tokens) within a sample before the square. `loss` is to be a mean over samples.
    """
    kept: list[tuple[nn.Module, Tensor]] = []

    def keep(layer: nn.Module, _: Any, output: Tensor) -> None:
        kept.append((layer, output))
        output.retain_grad()

    with _apart(module) as same:
        for layer in same.modules():
            if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
                layer.register_forward_hook(keep)
        loss(same(*inputs)).backward()  # type: ignore[no-untyped-call]
        return sum(_channel_fisher(layer, a) for layer, a in kept if a.grad is not None)


PROXIES: dict[str, Proxy] = {
    "params": params,
    "flops": flops,
    "grad_norm": grad_norm,
    "snip": snip,
    "synflow": synflow,
    "jacov": jacov,
    "fisher": fisher,
}


def _channel_fisher(layer: nn.Module, a: Tensor) -> float:
    assert a.grad is not None  # noqa: S101  the caller asked
    product = a.detach() * a.grad
    if isinstance(layer, nn.Linear):
        product = product.movedim(-1, 1)
    per_channel_BC = product.flatten(2).sum(-1) if product.dim() > 2 else product
    # The mean over samples put 1/B into each gradient; taking it out leaves 1/2B as in the paper.
    batch = len(per_channel_BC)
    return float((per_channel_BC * batch).square().sum() / (2 * batch))


@contextmanager
def _apart(module: nn.Module) -> Iterator[nn.Module]:
    """A copy whose parameters all have gradients, with chance seeded and put back afterwards."""
    same = copy.deepcopy(module).requires_grad_(True)
    same.zero_grad()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(SEED)
        yield same


def _with_gradients(module: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    for weight in module.parameters():
        if weight.grad is not None:
            yield weight.detach(), weight.grad


def _first(output: Any) -> Tensor:
    """The scores: the output, or the first of several."""
    found: Tensor = output[0] if isinstance(output, tuple | list) else output
    return found
