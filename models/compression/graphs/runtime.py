"""Load OpenVINO graphs without torch, NNCF or any file."""

import importlib
import sys
from types import ModuleType
from typing import Any

from models.compression.graphs.graph import Graph

REPORTS = "openvino_telemetry"

HINT = ["runtime_options", "INFERENCE_PRECISION_HINT"]
"""Where a graph keeps the precision that it asks to be computed in."""


def unreporting(name: str) -> ModuleType:
    """Import OpenVINO or NNCF without the part that reports every use to their maker.

    Both send what they are used for unless somebody has run their opt-out program on this machine.
    They do without when that part cannot be imported.
    """
    if name in sys.modules:
        return sys.modules[name]
    before = sys.modules.get(REPORTS)
    sys.modules[REPORTS] = None  # type: ignore[assignment]  # Python's way of saying "not there"
    try:
        return importlib.import_module(name)
    finally:
        if before is None:
            del sys.modules[REPORTS]
        else:
            sys.modules[REPORTS] = before


def read_openvino(graph: Graph) -> Any:
    """The openvino.Model of a graph; reads ONNX too."""
    openvino = unreporting("openvino")
    if graph.format == "onnx":
        return openvino.Core().read_model(model=graph.onnx())
    return openvino.Core().read_model(
        model=graph.data[f"{graph.view}.xml"], weights=graph.data[f"{graph.view}.bin"]
    )


def compiled(graph: Graph, *, threads: int) -> Any:
    """An openvino.CompiledModel on the CPU.

    Computes in float unless the graph asks for bfloat16: left to itself, OpenVINO takes bfloat16
    wherever the CPU can, and the same graph would say other things on another machine.

    Args:
        graph: for OpenVINO.
        threads: cores that one answer may use.
    """
    openvino = unreporting("openvino")
    model = read_openvino(graph)
    precision = model.get_rt_info(HINT).astype(str) if model.has_rt_info(HINT) else "f32"
    return openvino.Core().compile_model(
        model,
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": precision,
            "ENABLE_CPU_PINNING": False,
        },
    )
