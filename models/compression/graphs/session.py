"""Ask a graph: one interface over ONNX Runtime and OpenVINO, on the CPU."""

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from models.compression.graphs.graph import FUSION, Graph

Array = npt.NDArray[Any]


class Session:
    """A loaded graph. The same inputs give the same numbers, whoever else asks.

    Args:
        graph: what to load.
        threads: cores that one answer may use; 1 makes timings comparable.
    """

    def __init__(self, graph: Graph, *, threads: int = 1) -> None:
        if threads < 1:
            raise ValueError(f"threads={threads}: at least 1")
        self.view = graph.view
        load = _onnxruntime if graph.format == "onnx" else _openvino
        self.names, self._ask = load(graph, threads)

    def __call__(self, *inputs: Tensor | Array) -> tuple[Array, Array]:
        """The view's inputs to scores (B, C) and vectors (B, D); the fusion's to its two.

        Raises:
            ValueError: there are more or fewer inputs than the graph takes.
        """
        if len(inputs) != len(self.names):
            raise ValueError(f"{self.view}: {len(inputs)} inputs; it takes {', '.join(self.names)}")
        arrays = [x.numpy() if isinstance(x, Tensor) else x for x in inputs]
        first, second = self._ask(dict(zip(self.names, arrays, strict=True)))
        return first, second


def run(graph: Graph, *inputs: Tensor | Array, threads: int = 1) -> tuple[Array, Array]:
    """Load a graph, ask it once."""
    return Session(graph, threads=threads)(*inputs)


def _onnxruntime(graph: Graph, threads: int) -> tuple[list[str], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    # Waiting threads must not burn the cores that others share.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        graph.onnx(), options, providers=["CPUExecutionProvider"]
    )
    wanted = [value.name for value in session.get_outputs()]
    return [value.name for value in session.get_inputs()], lambda feed: session.run(wanted, feed)


def _openvino(graph: Graph, threads: int) -> tuple[list[str], Any]:
    from models.compression.graphs.openvino import compiled

    model = compiled(graph, threads=threads)
    names = [value.get_any_name() for value in model.inputs]
    outputs = list(model.outputs)

    def ask(feed: dict[str, Array]) -> list[Array]:
        answered = model(feed)
        return [np.asarray(answered[output]) for output in outputs]

    return names, ask


def outputs(graph: Graph) -> tuple[str, str]:
    """Names of what a graph answers."""
    return ("log_probability", "gates") if graph.view == FUSION else ("scores", "vectors")
