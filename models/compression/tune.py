"""A few steps of training against the teacher, with zeros held: what pruning in rounds needs."""

from collections.abc import Mapping

import torch
from torch import Tensor

from models.compression.calibration import Calibration
from models.compression.gradients import distance, trainable
from models.compression.masks import hold, weights_of
from models.compression.student import ViewModel


def tune(
    module: ViewModel,
    *,
    calibration: Calibration,
    masks: Mapping[str, Tensor],
    steps: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
) -> ViewModel:
    """A copy whose linear and convolution weights took some steps of AdamW.

    Args:
        module: unchanged; norms, biases and embeddings stay as they are.
        calibration: samples to learn from, with labels or targets, checked.
        masks: name to bool, of weights that are zero and stay so.
        steps: of the optimiser; 0 gives the module back.
        learning_rate: constant.
        batch_size: samples a step at most; only samples of one shape go together.
        seed: of the order of the samples.
    """
    learner = trainable(module, list(weights_of(module)))
    hold(learner, masks)
    optimiser = torch.optim.AdamW(weights_of(learner).values(), lr=learning_rate, weight_decay=0.0)
    generator = torch.Generator().manual_seed(seed)
    step = 0
    while step < steps:
        for rows, inputs in calibration.batches(batch_size, generator=generator):
            if step == steps:
                break
            step += 1
            optimiser.zero_grad()
            scores, vectors = learner(*inputs)
            distance(scores, vectors, calibration, rows).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            hold(learner, masks)
    return learner.requires_grad_(False)
