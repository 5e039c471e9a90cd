"""Products of the states and the gates of single wires, with gradients of their own.

torch's gradient of a product of complex numbers conjugates and copies both factors; here the
conjugate of the gradient travels (`bar`), and nothing else has to be conjugated.

Shapes: B batch, n qubits, N = 2^n, L layers, g wires of a group.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def together(matrices: Tensor) -> Tensor:
    """Kronecker products: (L, g, 2, 2) matrices of neighbouring wires -> (L, 2^g, 2^g)."""
    if torch.compiler.is_compiling() or not matrices.requires_grad:
        return _merged(matrices)[-1]
    found: Tensor = _Together.apply(matrices)  # type: ignore[no-untyped-call]
    return found


def product(spans: Tensor, gates: Tensor | None) -> Tensor:
    """The state of n wires that know nothing of each other.

    Args:
        spans: (n, 2, B) states of single wires.
        gates: (n, 2, 2) applied to them first, where there are any.

    Returns:
        (N, B).
    """
    needed = spans.requires_grad or (gates is not None and gates.requires_grad)
    if torch.compiler.is_compiling() or not needed:
        return _joined(spans if gates is None else gates @ spans)[-1]
    found: Tensor = _Product.apply(spans, gates)  # type: ignore[no-untyped-call]
    return found


class _Together(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrices: Tensor) -> Tensor:
        ctx.save_for_backward(matrices, *(found := _merged(matrices))[1:-1])
        return found[-1]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        matrices, *partial = ctx.saved_tensors
        layers, count = matrices.shape[:2]
        bar, bars = gradient.conj().resolve_conj(), []
        for at in range(count - 1, 0, -1):
            left = matrices[:, 0] if at == 1 else partial[at - 2]
            side = left.shape[-1]
            bar = bar.reshape(layers, side, 2, side, 2)
            bars.append((bar * left.reshape(layers, side, 1, side, 1)).sum((1, 3)))
            bar = (bar * matrices[:, at].reshape(layers, 1, 2, 1, 2)).sum((2, 4))
        return torch.stack([bar, *reversed(bars)], 1).conj()


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, spans: Tensor, gates: Tensor | None) -> Tensor:
        turned = spans if gates is None else gates @ spans
        found = _joined(turned)
        ctx.save_for_backward(spans, gates, turned, *found[1:-1])
        return found[-1]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        spans, gates, turned, *partial = ctx.saved_tensors
        bar, bars = gradient.conj().resolve_conj(), []
        for at in range(len(turned) - 1, 0, -1):
            left = turned[0] if at == 1 else partial[at - 2]
            bar = bar.reshape(len(left), 2, -1)
            bars.append((bar * left[:, None]).sum(0))
            bar = (bar * turned[at]).sum(1)
        bar = torch.stack([bar, *reversed(bars)])
        if gates is None:
            return bar.conj(), None
        return (gates.mT @ bar).conj(), (bar @ spans.mT).conj()


def _merged(matrices: Tensor) -> Sequence[Tensor]:
    """Of the first wire, of the first two, and so on to all."""
    first, *after = matrices.unbind(1)
    found, layers = [first], len(matrices)
    for other in after:
        side = found[-1].shape[-1]
        left = found[-1].reshape(layers, side, 1, side, 1)
        every = left * other.reshape(layers, 1, 2, 1, 2)
        found.append(every.reshape(layers, 2 * side, 2 * side))
    return found


def _joined(spans: Tensor) -> Sequence[Tensor]:
    """Of the first wire, of the first two, and so on to all."""
    first, *after = spans.unbind(0)
    found = [first]
    for other in after:
        found.append((found[-1][:, None] * other).flatten(0, 1))
    return found
