"""All steps of a circuit and its measurement as one differentiable function.

The forward pass keeps the state before every step; the backward pass goes through the steps in
reverse with gradients written by hand (`steps`), at twice the forward pass's cost.

Shapes: n qubits, N = 2^n, B batch, K numbers that are measured.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from models.quantum.steps import Step


def evolve(
    start: Tensor, steps: Sequence[Step], operands: Sequence[Tensor | None], signs: Tensor | None
) -> Tensor:
    """Take a state through all steps and measure.

    Args:
        start: (N, B) state.
        steps: in order.
        operands: of each step.
        signs: (K, N), what is measured in each basis state; None for probabilities.

    Returns:
        (K, B) expectations, or (N, B) probabilities.
    """
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        state = start
        for step, operand in zip(steps, operands, strict=True):
            state = step.forward(state, operand)
        return _measured(state, signs)
    found: Tensor = _Evolution.apply(steps, signs, start, *operands)  # type: ignore[no-untyped-call]
    return found


def _measured(state: Tensor, signs: Tensor | None) -> Tensor:
    parts = torch.view_as_real(state)
    squares = parts * parts
    if signs is not None:
        # One matrix product for both parts of every amplitude: summing them first costs more.
        squares = (signs @ squares.flatten(1)).reshape(len(signs), -1, 2)
    return squares[..., 0] + squares[..., 1]


class _Evolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        steps: Sequence[Step],
        signs: Tensor | None,
        start: Tensor,
        *operands: Tensor | None,
    ) -> Tensor:
        states = [start]
        for step, operand in zip(steps, operands, strict=True):
            states.append(step.forward(states[-1], operand))
        ctx.steps = steps
        ctx.save_for_backward(signs, *states, *operands)
        return _measured(states[-1], signs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        count = len(ctx.steps)
        signs, *saved = ctx.saved_tensors
        states, operands = saved[: count + 1], saved[count + 1 :]
        by_state = 2 * (gradient if signs is None else signs.T @ gradient)
        bar = torch.conj_physical(states[-1]) * by_state
        gradients: list[Tensor | None] = [None] * count
        for at in range(count - 1, -1, -1):
            bar, gradients[at] = ctx.steps[at].back(bar, states[at], operands[at])
            if bar.shape[1] != states[at].shape[1]:  # from here on the samples' states were one
                bar = bar.sum(1, keepdim=True)
        return None, None, bar.conj(), *gradients
