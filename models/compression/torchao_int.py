"""Integer weights inside torch, by torchao: int8 and int4 for linear layers.

torchao quantises matrix products only. Convolutions and embeddings stay as they are and are named
in the result; where they hold most of the weights, little gets smaller. Run as it is ("eager"),
none of this is faster than float32 on a CPU. Measured on one thread: int8 0.9x to 1.0x with VNNI;
without it, rounding activations, too, is ruinous (0.05x to 0.2x on the sentence and the speech
encoder), and weights alone stay near 0.9x. int4 0.6x. Take a graph (models/compression/graphs/)
where speed counts.

Source: Jacob et al. 2017, https://arxiv.org/abs/1712.05877, for integer products; symmetric, with
one scale a row of the weights. The library: https://github.com/pytorch/ao.
"""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from models.compression.calibration import Calibration
from models.compression.quantised import Quantised, matrices, refuse_quantised
from models.compression.student import ViewModel

MODES = ("dynamic", "weight_only", "static")
GROUP = 32
"""Weights of a row that share one int4 scale."""
TOP = 127
"""Largest int8 value that activations are scaled to."""


@contextmanager
def quiet() -> Iterator[None]:
    """Import torchao inside of this: it warns of libraries for other hardware when imported."""
    loggers = [logging.getLogger(name) for name in ("torchao", "torch.utils._pytree")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def torchao_int8(
    module: ViewModel, *, mode: str, calibration: Calibration | None = None
) -> Quantised:
    """Linear layers with int8 weights, one scale a row.

    Args:
        module: in float32; unchanged.
        mode: `dynamic`: activations are rounded to int8, too, each row by its own largest value;
            `static`: by the largest value that the calibration data showed, one scale a layer;
            `weight_only`: activations stay float32.
        calibration: for `static` only.

    Raises:
        ValueError: the mode is unknown, or `static` lacks calibration data.
        CalibrationError: the data is too small or not this view's.
        AlreadyQuantisedError: the module is not in full precision.
    """
    refuse_quantised(module, "torchao_int8")
    if mode not in MODES:
        raise ValueError(f"mode={mode!r}: allowed are {', '.join(MODES)}")
    with quiet():
        from torchao.quantization import (
            Int8DynamicActivationInt8WeightConfig,
            Int8StaticActivationInt8WeightConfig,
            Int8WeightOnlyConfig,
            PerRow,
            PerTensor,
        )
    # Without the flag, torchao changes settings of torch's compiler for the whole process.
    plain: dict[str, Any] = {"set_inductor_config": False}
    if mode != "static":
        config = (
            Int8WeightOnlyConfig(**plain)
            if mode == "weight_only"
            else Int8DynamicActivationInt8WeightConfig(**plain)
        )
        return _quantised(module, dict.fromkeys(_linears(module), config), {}, ())
    if calibration is None:
        raise ValueError("mode='static' needs calibration data: give some, or take 'dynamic'")
    calibration.check(module)
    scales, skipped = _ranges(module, calibration)
    configs = {
        path: Int8StaticActivationInt8WeightConfig(
            act_quant_scale=scale, granularity=[PerTensor(), PerRow()], **plain
        )
        for path, scale in scales.items()
    }
    return _quantised(module, configs, skipped, ())


def torchao_int4(module: ViewModel) -> Quantised:
    """Linear layers with int4 weights, one scale for each 32 weights of a row.

    On a CPU torchao keeps every int4 value in a byte of its own, so in memory the module is no
    smaller than with int8 (measured on MiniLM: 0.65 of float32 for both, as its embeddings stay).
    Files written by `plain` (models/compression/plain.py) hold two values a byte.

    Raises:
        AlreadyQuantisedError: the module is not in full precision.
    """
    refuse_quantised(module, "torchao_int4")
    with quiet():
        from torchao.quantization import IntxWeightOnlyConfig, PerGroup
    config = IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerGroup(GROUP))  # type: ignore[attr-defined]  # torch's types lack it
    skipped, configs = {}, {}
    for path, layer in _linears(module).items():
        if layer.in_features % GROUP:
            skipped[path] = f"{layer.in_features} inputs are no multiple of {GROUP}"
        else:
            configs[path] = config
    note = "torchao_int4: in memory each int4 value takes a byte: no smaller than int8, and slower"
    return _quantised(module, configs, skipped, (note,))


def _quantised(
    module: ViewModel, configs: dict[str, Any], skipped: dict[str, str], notes: tuple[str, ...]
) -> Quantised:
    with quiet():
        from torchao.quantization import quantize_
    made = copy.deepcopy(module).eval().requires_grad_(False)
    for path, config in configs.items():
        # The layer by itself: torchao replaces its weight in place.
        quantize_(made.get_submodule(path), config)
    others = {
        name: f"torchao does not quantise {kind}"
        for name, kind in matrices(module)
        if name not in configs
    }
    return Quantised(made, dict(sorted({**others, **skipped}.items())), notes)


def _linears(module: nn.Module) -> dict[str, nn.Linear]:
    return {path: x for path, x in module.named_modules() if isinstance(x, nn.Linear)}


@torch.no_grad()
def _ranges(
    module: ViewModel, calibration: Calibration
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Scale of each linear layer's input, shaped as torchao wants it, and who has none."""
    made = copy.deepcopy(module).eval()
    largest: dict[str, float] = {}
    axes: dict[str, set[int]] = {}

    def watch(path: str, layer: nn.Linear) -> None:
        def seen(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            axes.setdefault(path, set()).add(inputs[0].ndim)
            largest[path] = max(largest.setdefault(path, 0.0), float(inputs[0].abs().max()))

        layer.register_forward_pre_hook(seen)

    linears = _linears(made)
    for path, layer in linears.items():
        watch(path, layer)
    for inputs in calibration.inputs:
        made(*inputs)
    scales, skipped = {}, {}
    for path in linears:
        if path not in axes or not largest[path]:
            skipped[path] = "the calibration data gave it nothing but zeros"
        elif len(axes[path]) > 1:
            skipped[path] = f"its inputs have {sorted(axes[path])} axes; torchao takes one number"
        else:
            shape = [1] * axes[path].pop()
            scales[path] = torch.full(shape, largest[path] / TOP)
    return scales, skipped
