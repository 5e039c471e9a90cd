"""A module as an ONNX graph: one file that holds its weights and nothing about this machine.

Shapes: B batch, L tokens or letters, F mel frames, V views, C classes.
Source: torch.onnx's exporter (torch.export and onnxscript), https://pytorch.org/docs/stable/onnx.html.
"""

import re
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from models.compression.graphs.blame import blame
from models.compression.graphs.clean import clean
from models.compression.graphs.graph import FUSION, ExportError, Graph
from models.compression.graphs.quiet import quiet
from models.compression.graphs.traceable import traceable
from models.compression.student import ViewModel
from models.fusion import GatedProduct

OPSET = 18
"""The exporter's own; every runtime in use reads it."""

AXES: dict[str, dict[int, str]] = {
    "pixels": {0: "batch"},
    "ids": {0: "batch", 1: "length"},
    "mask": {0: "batch", 1: "length"},
    "letters": {0: "batch", 1: "length"},
    "mel": {0: "batch", 2: "frames"},
    "positions": {0: "batch"},
    "scores": {0: "batch"},
    "present": {0: "batch"},
    "content": {0: "batch"},
}
"""Input to its axes of any length. Pictures have one size: their padding depends on it."""

OUTPUTS = ("scores", "vectors")
FUSED = ("log_probability", "gates")


class UnsupportedOperatorError(ExportError):
    """An operator that the export or a backend does not know.

    Args:
        view: of the module.
        operator: its name, such as `aten._linalg_eigh.default`.
        module: path of the layer that calls it, "" for the module itself.
        backend: what cannot take it.
    """

    def __init__(self, *, view: str, operator: str, module: str, backend: str) -> None:
        place = f"{module} of {view}" if module else view
        super().__init__(
            f"{place}: {backend} has no {operator}; replace that layer, or keep this view in torch"
        )
        self.view, self.operator, self.module, self.backend = view, operator, module, backend


def export(module: ViewModel, example: tuple[Tensor, ...]) -> Graph:
    """One view as ONNX; batch and lengths may be any afterwards.

    Args:
        module: the view; unchanged.
        example: inputs of the right shapes, batch of 2 or more (a batch of 1 would be taken for a
            constant); `student.example` makes them.

    Raises:
        ExportError: the example is a batch of 1.
        UnsupportedOperatorError: a layer does what ONNX cannot say.
    """
    axes = {name: dict(AXES[name]) for name in module.inputs}
    if "content" in axes and example[0].ndim == 3:
        axes["content"][1] = "frames"
    if "content" in axes and example[0].ndim == 2:
        axes["content"][1] = "length"
    return export_module(module, example, name=module.view, axes=axes, outputs=OUTPUTS)


def export_fusion(fusion: GatedProduct, classes: int) -> Graph:
    """What joins the views' scores, as ONNX.

    Args:
        fusion: of the model.
        classes: number of labels C.
    """
    views = fusion.gate.out_features
    example = (torch.zeros(2, views, classes), torch.ones(2, views, dtype=torch.bool))
    axes = {name: AXES[name] for name in ("scores", "present")}
    return export_module(fusion, example, name=FUSION, axes=axes, outputs=FUSED)


def export_module(
    module: nn.Module,
    example: tuple[Tensor, ...],
    *,
    name: str,
    axes: dict[str, dict[int, str]],
    outputs: tuple[str, ...],
) -> Graph:
    """Any module as ONNX.

    Args:
        module: unchanged.
        example: inputs, batch of 2 or more.
        name: of the graph, and in errors.
        axes: input name to its axes that may have any length, and what to call them.
        outputs: their names.
    """
    if example[0].shape[0] < 2:
        raise ExportError(f"{name}: the example is a batch of 1; 2 or more keep the batch variable")
    shapes = [dict.fromkeys(held, Dim.DYNAMIC) for held in axes.values()]
    # The tracer takes one tensor given twice for one input.
    example = tuple(part.clone() for part in example)
    traced = traceable(module)
    with quiet(), torch.no_grad():
        program = _traced(traced, example, shapes, name)
        try:
            made = torch.onnx.export(
                program,
                input_names=list(axes),
                output_names=list(outputs),
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise _unknown(error, program, name) from error
    if made is None:
        raise ExportError(f"{name}: the exporter gave nothing back")
    return Graph.of(name, clean(made.model_proto, name=name, axes=axes))


def _traced(
    module: nn.Module, example: tuple[Tensor, ...], shapes: list[Any], name: str
) -> ExportedProgram:
    # ViewModel.forward takes *inputs: their shapes are one tuple.
    nested = (tuple(shapes),) if isinstance(module, ViewModel) else tuple(shapes)
    try:
        return torch.export.export(module, example, dynamic_shapes=nested)
    except Exception as error:  # of many classes: whatever the layers' own code may raise
        path, operator = blame(error, module)
        raise UnsupportedOperatorError(
            view=name, operator=operator, module=path, backend="torch.export"
        ) from error


def _unknown(error: BaseException, program: ExportedProgram, name: str) -> ExportError:
    cause: BaseException | None = error
    while cause is not None:
        found = re.search(r"node %(\w+) .*?target=torch\.ops\.([\w.]+)\]", str(cause))
        if found:
            return UnsupportedOperatorError(
                view=name, operator=found[2], module=_holder(program, found[1]), backend="ONNX"
            )
        cause = cause.__cause__
    return ExportError(f"{name}: cannot be written as ONNX: {str(error).splitlines()[0]}")


def _holder(program: ExportedProgram, node_name: str) -> str:
    """Path of the layer whose forward made a node of the decomposed program."""
    for node in program.run_decompositions().graph.nodes:
        if node.name == node_name:
            stack = node.meta.get("nn_module_stack") or {}
            return [path for path, _ in stack.values()][-1] if stack else ""
    return ""
