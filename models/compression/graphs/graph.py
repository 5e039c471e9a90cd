"""What an exported view is: a few named files, held in memory.

Shapes: B batch, C classes, D width, V views.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORMATS = ("onnx", "openvino")

FUSION = "fusion"
"""What stands in the place of a view's name for the graph that joins the views' scores."""


class ExportError(ValueError):
    """A graph that cannot be made, or does not say what its module says; names the view."""


class GraphError(ValueError):
    """A graph that a step cannot take: of the wrong format, or already quantised."""


@dataclass(frozen=True)
class Graph:
    """A view, or the fusion, ready for a runtime.

    Views take the inputs that `ViewModel.inputs` names and answer with `scores` (B, C) and unit
    `vectors` (B, D). The fusion takes `scores` (B, V, C) and `present` (B, V) bool and answers with
    `log_probability` (B, C) and `gates` (B, V).

    Args:
        view: a name of VIEWS, or "fusion".
        format: "onnx" or "openvino".
        data: file name to content: `image.onnx`, or `image.xml` and `image.bin`.
    """

    view: str
    format: str
    data: Mapping[str, bytes]

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise GraphError(f"format={self.format!r}: allowed are {', '.join(FORMATS)}")

    @classmethod
    def of(cls, view: str, proto: Any) -> "Graph":
        """From an onnx.ModelProto."""
        return cls(view, "onnx", {f"{view}.onnx": proto.SerializeToString(deterministic=True)})

    def proto(self) -> Any:
        """The onnx.ModelProto.

        Raises:
            GraphError: this is an OpenVINO graph.
        """
        import onnx

        return onnx.load_model_from_string(self.onnx())

    def onnx(self) -> bytes:
        """The bytes of the ONNX file.

        Raises:
            GraphError: this is an OpenVINO graph.
        """
        if self.format != "onnx":
            raise GraphError(
                f"{self.view}: is {self.format}; this step takes ONNX: export it first"
            )
        return self.data[f"{self.view}.onnx"]


def nbytes(graph: Graph) -> int:
    """Size of all files of a graph, in bytes."""
    return sum(len(content) for content in graph.data.values())
