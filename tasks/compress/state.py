"""A model on its way through a recipe: torch modules first, graphs later."""

from dataclasses import dataclass, replace

from blake3 import blake3

from models.batches import VIEWS
from models.compression.graphs.graph import Graph
from models.compression.student import Student, ViewModel
from tasks.train.cache import tensor_digest

FUSION = "fusion"


@dataclass(frozen=True)
class State:
    """What a recipe has made so far.

    Args:
        student: the torch modules; after the export the ones that were exported.
        scratch: whether tiny students replaced the packaged encoders; else
            the student was cut out of the teacher.
        plain: graphs by view, and `fusion`, as they were exported; empty before.
        onnx: the same, for ONNX Runtime, after what later steps did to them.
        openvino: the same for OpenVINO, where a step made one of its own.
        notes: what a person should know, such as what fell back to what.
        packed: whether the files are stored entropy-coded.
    """

    student: Student
    scratch: bool
    plain: dict[str, Graph]
    onnx: dict[str, Graph]
    openvino: dict[str, Graph]
    notes: tuple[str, ...]
    packed: bool

    @classmethod
    def of(cls, student: Student) -> "State":
        """Where every recipe starts."""
        return cls(student, False, {}, {}, {}, (), packed=False)

    @property
    def exported(self) -> bool:
        return bool(self.onnx)

    def with_view(self, module: ViewModel, *notes: str) -> "State":
        """The same with one view replaced."""
        return replace(self, student=self.student.with_view(module), notes=(*self.notes, *notes))

    def with_graph(self, graph: Graph, *notes: str) -> "State":
        """The same with one graph replaced."""
        told = replace(self, notes=(*self.notes, *notes))
        if graph.format == "onnx":
            return replace(told, onnx={**self.onnx, graph.view: graph})
        return replace(told, openvino={**self.openvino, graph.view: graph})

    def digest(self, view: str) -> str:
        """BLAKE3 of what answers for a view: equal digests give equal answers."""
        if self.exported:
            return digest_of(self.onnx[view])
        hasher = blake3(repr(sorted(self.student.settings.items())).encode())
        hasher.update((self.student.tokenizer or "").encode())
        for name, tensor in sorted(self.student.views[view].state_dict().items()):
            hasher.update(f"{name} {tensor_digest(tensor)}".encode())
        return hasher.hexdigest()


ALL = (*VIEWS, FUSION)


def digest_of(graph: Graph) -> str:
    """BLAKE3 of a graph's files."""
    hasher = blake3(graph.format.encode())
    for name, data in sorted(graph.data.items()):
        hasher.update(name.encode()).update(data)
    return hasher.hexdigest()
