"""Static int8 inside torch, for convolutions too: torchao's way of exported graphs ("PT2E").

The graph that comes out rounds inputs and weights where the calibration data said, with convolution
and batch norm joined first. As it is, it only plays integer arithmetic in float32: exact to judge
accuracy by, and slow. `torch.compile` makes integer kernels of it, on a machine with a C++ compiler
and in half a minute for each model. So it is a measure for what static int8 costs in accuracy, and
a route for a server that compiles once. It is no artifact: torch's own archive of such graphs
(.pt2) may be unpickled when it is read, which runs what is in it. What ships are the graphs of
models/compression/graphs/.
It is not lowered by torchao's own `lower_pt2e_quantized_to_x86`, which is slower than float32 for
transformers (measured 0.4x).

Source: Jacob et al. 2017, https://arxiv.org/abs/1712.05877; the library: https://docs.pytorch.org/ao.
"""

import copy
from dataclasses import dataclass

import torch
from torch import fx, nn

from models.compression.calibration import Calibration
from models.compression.quantised import refuse_quantised
from models.compression.student import ViewModel
from models.compression.torchao_int import quiet

MOST = 1024
"""Largest batch that the graph takes."""


class Pt2eError(ValueError):
    """A view that has no such graph; names it, and why."""


@dataclass(frozen=True)
class Pt2e:
    """A view as a graph with rounding in it.

    Args:
        view: its name.
        graph: takes and answers what the view does. No `ViewModel`: it has no layers any more, and
            nothing but `torch.compile` should follow.
        skipped: layers that stayed in float32, path to the reason.
    """

    view: str
    graph: nn.Module
    skipped: dict[str, str]


def pt2e_int8(module: ViewModel, calibration: Calibration) -> Pt2e:
    """Static int8, weights with one scale an output, activations with one a layer.

    Args:
        module: in float32, with one input of a fixed shape, such as pixels; unchanged.
        calibration: shows how large activations become.

    Raises:
        CalibrationError: the data is too small or not this view's.
        Pt2eError: the view has several inputs, or inputs of several shapes, or cannot be traced.
        AlreadyQuantisedError: the module is not in full precision.
    """
    refuse_quantised(module, "pt2e_int8")
    calibration.check(module)
    shapes = {tuple(part.shape for part in sample) for sample in calibration.inputs}
    if len(module.inputs) != 1 or len(shapes) != 1:
        raise Pt2eError(
            f"view {module.view}: takes {', '.join(module.inputs)} in {len(shapes)} shapes, but "
            "these graphs are for one input of one shape; quantise an exported graph instead"
        )
    with quiet():
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
        from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import (
            X86InductorQuantizer,
            get_default_x86_inductor_quantization_config,
        )
    traced = _traced(module, calibration)
    quantizer = X86InductorQuantizer()
    quantizer.set_global(get_default_x86_inductor_quantization_config())
    watched = prepare_pt2e(traced, quantizer)
    with torch.no_grad():
        for inputs in calibration.inputs:
            watched(*inputs)
    graph: fx.GraphModule = convert_pt2e(watched)
    _drop_unused(graph)
    return Pt2e(module.view, graph, _skipped(graph))


def _traced(module: ViewModel, calibration: Calibration) -> nn.Module:
    sample = calibration.inputs[0][0]
    batch = torch.export.Dim("batch", min=1, max=MOST)
    # Two samples: torch takes a batch of one for a constant.
    inputs = (torch.cat([sample, sample]),)
    try:
        program = torch.export.export(
            copy.deepcopy(module).eval(), inputs, dynamic_shapes=(({0: batch},),)
        )
    except Exception as error:  # torch.export raises a dozen unrelated classes
        reason = str(error).strip().partition("\n")[0]
        raise Pt2eError(
            f"view {module.view} cannot be traced: {reason}; take torchao_int8, or quantise an "
            "exported graph"
        ) from error
    return program.module()


def _drop_unused(graph: fx.GraphModule) -> None:
    """Forget the float weights that the integers replaced: they would be saved, too."""
    used = {node.target for node in graph.graph.nodes if node.op == "get_attr"}
    for name in [*dict(graph.named_parameters()), *dict(graph.named_buffers())]:
        if name not in used:
            owner, _, last = name.rpartition(".")
            delattr(graph.get_submodule(owner), last)


def _skipped(graph: fx.GraphModule) -> dict[str, str]:
    """Layers whose weight is still the float one: integers have other names."""
    held = dict(graph.named_parameters())
    return {
        name.removesuffix(".weight"): "the quantizer has no rule for it"
        for name in sorted(held)
        if held[name].ndim > 1 and held[name].is_floating_point()
    }
