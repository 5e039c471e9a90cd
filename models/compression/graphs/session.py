"""Ask a graph: one interface over ONNX Runtime and OpenVINO, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.compression.graphs.graph import FUSION, Graph

if TYPE_CHECKING:  # what is deployed runs without torch
    from torch import Tensor

Array = npt.NDArray[Any]

WIDENED = "cairn.filters.widened"
"""Mark of a graph whose filters are stored as integers and computed with as floats."""
Ask = Callable[[dict[str, Array]], dict[str, Array]]


class Session:
    """A loaded graph. The same inputs give the same numbers, whoever else asks.

    Args:
        graph: what to load.
        threads: cores that one answer may use; 1 makes timings comparable.
        optimise: let ONNX Runtime fuse operators; without, every tensor can be looked at.
    """

    def __init__(self, graph: Graph, *, threads: int = 1, optimise: bool = True) -> None:
        if threads < 1:
            raise ValueError(f"threads={threads}: at least 1")
        self.view = graph.view
        self.outputs = outputs(graph)
        if graph.format == "onnx":
            self.names, self._ask = _onnxruntime(graph, threads, optimise)
        else:
            self.names, self._ask = _openvino(graph, threads)

    def __call__(self, *inputs: Tensor | Array) -> tuple[Array, Array]:
        """The view's inputs to scores (B, C) and vectors (B, D); the fusion's to its two.

        Raises:
            ValueError: there are more or fewer inputs than the graph takes.
        """
        answers = self.ask(*inputs)
        first, second = (answers[name] for name in self.outputs)
        return first, second

    def ask(self, *inputs: Tensor | Array) -> dict[str, Array]:
        """The same by name, with whatever else the graph answers."""
        if len(inputs) != len(self.names):
            raise ValueError(f"{self.view}: {len(inputs)} inputs; it takes {', '.join(self.names)}")
        arrays = [np.asarray(x) for x in inputs]
        return self._ask(dict(zip(self.names, arrays, strict=True)))


def run(graph: Graph, *inputs: Tensor | Array, threads: int = 1) -> tuple[Array, Array]:
    """Load a graph, ask it once."""
    return Session(graph, threads=threads)(*inputs)


def outputs(graph: Graph) -> tuple[str, str]:
    """Names of what a graph answers."""
    return ("log_probability", "gates") if graph.view == FUSION else ("scores", "vectors")


def _onnxruntime(graph: Graph, threads: int, optimise: bool) -> tuple[list[str], Ask]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Asked of the bytes: parsing the graph would cost memory that small machines lack.
    if WIDENED.encode() in graph.onnx():
        # Else integers would be turned into floats anew at every answer, which costs more than
        # the product itself; with this they are turned once, when the graph is opened.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    # Waiting threads must not burn the cores that others share.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        graph.onnx(), options, providers=["CPUExecutionProvider"]
    )
    # It keeps the whole file, to open it again on another device if this one fails: there is none,
    # and half of a small model's memory would be that copy.
    session.disable_fallback()
    session._model_bytes = None
    wanted = [value.name for value in session.get_outputs()]

    def ask(feed: dict[str, Array]) -> dict[str, Array]:
        return dict(zip(wanted, session.run(wanted, feed), strict=True))

    return [value.name for value in session.get_inputs()], ask


def _openvino(graph: Graph, threads: int) -> tuple[list[str], Ask]:
    from models.compression.graphs.runtime import compiled

    model = compiled(graph, threads=threads)
    outputs = list(model.outputs)
    own = local()

    def ask(feed: dict[str, Array]) -> dict[str, Array]:
        # A request holds the inputs of one question: two threads that share one get each other's.
        if not hasattr(own, "request"):
            own.request = model.create_infer_request()
        answered = own.request.infer(feed)
        # The runtime reuses its memory: without a copy the next answer would overwrite this one.
        return {value.get_any_name(): np.array(answered[value]) for value in outputs}

    return [value.get_any_name() for value in model.inputs], ask
