"""Lottery tickets: prune what training leaves small, go back to the early weights, repeat.

Zeros are never speed, and bytes only after an entropy coder (models/compression/masks.py).

Source: Frankle & Carbin 2019, https://arxiv.org/abs/1803.03635; back to early weights instead of
the first ones: Frankle et al. 2019, https://arxiv.org/abs/1912.05671; from weights that were
trained before, as here: Chen et al. 2020, https://arxiv.org/abs/2007.12223.
"""

from functools import partial

from models.compression import magnitude
from models.compression.calibration import Calibration
from models.compression.masks import PruningError, Scope, check, cut, without, zeros_of
from models.compression.student import ViewModel
from models.compression.tune import tune


def ticket(
    module: ViewModel,
    *,
    sparsity: float,
    scope: Scope,
    calibration: Calibration,
    rounds: int,
    early: int,
    steps: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
) -> ViewModel:
    """The early weights, with zeros where training over and over left the smallest.

    Args:
        module: unchanged; where training starts.
        sparsity: share of zeros after the last round, 0 up to but not 1. Each round takes the same
            share of what is left.
        scope: "local" takes that share of each tensor, "global" of all together.
        calibration: samples to learn from, with labels or targets.
        rounds: of training and pruning, at least 1.
        early: steps from the module's weights to those that each round goes back to.
        steps: of each round's training, at least 1.
        learning_rate: of AdamW, constant.
        batch_size: samples a step at most; only samples of one shape go together.
        seed: of the order of the samples.

    Raises:
        PruningError: see `cut`; or rounds or steps below 1.
        CalibrationError: too few samples, or of another view.
    """
    check(sparsity, scope, rounds=rounds, steps=steps)
    if early < 0:
        raise PruningError(f"early={early}: allowed are 0 and more steps")
    calibration.check(module)
    learn = partial(
        tune,
        calibration=calibration,
        learning_rate=learning_rate,
        batch_size=batch_size,
        seed=seed,
    )
    start = found = learn(module, masks=zeros_of(module), steps=early)
    for done in range(1, rounds + 1):
        trained = learn(found, masks=zeros_of(found), steps=steps)
        share = 1 - (1 - sparsity) ** (done / rounds)
        masks = cut(trained, magnitude.saliency(trained), sparsity=share, scope=scope)
        found = without(start, masks)
    return found


def lottery(
    module: ViewModel,
    *,
    sparsity: float,
    scope: Scope,
    calibration: Calibration,
    rounds: int,
    early: int,
    steps: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
) -> ViewModel:
    """The ticket, trained as each round was, with its zeros held; arguments as `ticket`.

    Raises:
        PruningError: see `ticket`.
        CalibrationError: too few samples, or of another view.
    """
    found = ticket(
        module,
        sparsity=sparsity,
        scope=scope,
        calibration=calibration,
        rounds=rounds,
        early=early,
        steps=steps,
        learning_rate=learning_rate,
        batch_size=batch_size,
        seed=seed,
    )
    return tune(
        found,
        calibration=calibration,
        masks=zeros_of(found),
        steps=steps,
        learning_rate=learning_rate,
        batch_size=batch_size,
        seed=seed,
    )
