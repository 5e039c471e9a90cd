"""Movement pruning: weights that training moves towards zero become zero.

Zeros are never speed, and bytes only after an entropy coder (models/compression/masks.py).

Source: Sanh et al. 2020, https://arxiv.org/abs/2005.07683, equations 3 and 4 and the cubic schedule
of section 5. The score of a weight grows by -g w at each step, with the gradient of the weight as
masked, so that a masked weight can come back. Differs in: the score starts as a vanishing multiple
of the magnitude, which decides where training has said nothing.
"""

import copy

import torch

from models.compression.calibration import Calibration
from models.compression.gradients import distance, trainable
from models.compression.masks import Scope, check, cut, weights_of, without
from models.compression.student import ViewModel

START = 1e-6
"""Multiple of |w| that scores start from: a sum of gradients below it is rounding noise."""


def movement(
    module: ViewModel,
    *,
    sparsity: float,
    scope: Scope,
    calibration: Calibration,
    steps: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
) -> ViewModel:
    """A copy whose linear and convolution weights were trained while they were being pruned.

    Args:
        module: unchanged; norms, biases and embeddings stay as they are.
        sparsity: share of zeros in the end, 0 up to but not 1; it grows as 1 - (1 - t)^3.
        scope: "local" takes that share of each tensor, "global" of all together.
        calibration: samples to learn from, with labels or targets.
        steps: of the optimiser, at least 1.
        learning_rate: of AdamW.
        batch_size: samples a step at most; only samples of one shape go together.
        seed: of the order of the samples.

    Raises:
        PruningError: see `cut`; or steps below 1.
        CalibrationError: too few samples, or of another view.
    """
    check(sparsity, scope, steps=steps)
    calibration.check(module)
    names = list(weights_of(module))
    masked = trainable(module, names)
    # The dense weights, which the masked ones are made from at each step.
    dense = {name: masked.get_parameter(name).detach().clone() for name in names}
    scores = {name: START * weight.abs() for name, weight in dense.items()}
    optimiser = torch.optim.AdamW(dense.values(), lr=learning_rate, weight_decay=0.0)
    held = copy.deepcopy(masked)
    masks = {name: weight == 0 for name, weight in dense.items()}
    generator = torch.Generator().manual_seed(seed)
    step = 0
    while step < steps:
        for rows, inputs in calibration.batches(batch_size, generator=generator):
            if step == steps:
                break
            step += 1
            given, vectors = masked(*inputs)
            masked.zero_grad()
            distance(given, vectors, calibration, rows).backward()  # type: ignore[no-untyped-call]
            for name in names:
                gradient = masked.get_parameter(name).grad
                if gradient is not None:
                    scores[name] -= gradient * dense[name]
                    dense[name].grad = gradient.masked_fill(masks[name], 0)
            optimiser.step()
            share = sparsity * (1 - (1 - step / steps) ** 3)
            chosen = cut(held, scores, sparsity=share, scope=scope)
            masks = {name: mask | (held.get_parameter(name) == 0) for name, mask in chosen.items()}
            _place(masked, dense, masks)
    return without(masked, masks).requires_grad_(False)


@torch.no_grad()
def _place(
    masked: ViewModel, dense: dict[str, torch.Tensor], masks: dict[str, torch.Tensor]
) -> None:
    for name, weight in dense.items():
        masked.get_parameter(name).copy_(weight.masked_fill(masks[name], 0))
