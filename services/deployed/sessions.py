"""One graph of a folder, ready to run on the processor: by onnxruntime or by OpenVINO.

Each library is imported when its backend is asked for; a device needs one of them.
"""

import re

from models.compression.graphs.graph import Graph
from models.compression.graphs.session import Session
from services.deployed.loading import DeployError, Files

BACKENDS = {"onnx": "onnxruntime", "openvino": "openvino"}
"""Name of a runtime to its package."""

NO_BF16 = "this processor has no bfloat16: computed in float32, correct but no faster"

ASKS_BF16 = re.compile(rb"<INFERENCE_PRECISION_HINT[^>]*bf16")
"""How an OpenVINO graph says what it wants to be computed in (models.compression.graphs)."""


def open_session(files: Files, name: str, *, backend: str, threads: int) -> tuple[Session, str]:
    """The session of one graph, and in words what it does otherwise than asked ("" if nothing).

    Args:
        files: of the folder.
        name: a view, or "fusion".
        backend: a name of BACKENDS.
        threads: cores that one answer may use.

    Raises:
        DeployError: the folder lacks the graph, or the backend is not installed or cannot run it.
        TamperedError: a file is not the one that was promised.
    """
    graph = Graph(name, backend, _data(files, name, backend))
    try:
        return Session(graph, threads=threads), _fallback(graph)
    except ImportError as error:
        others = ", ".join(sorted(BACKENDS.keys() - {backend}))
        raise DeployError(
            f"backend {backend}: {error}; `pip install {BACKENDS[backend]}`, or take {others}"
        ) from None
    except Exception as error:  # the runtimes' errors share no class of their own
        raise DeployError(f"{name}: {BACKENDS[backend]} cannot run the graph: {error}") from None


def _data(files: Files, name: str, backend: str) -> dict[str, bytes]:
    if backend == "onnx":
        return {f"{name}.onnx": files.take(f"{name}.onnx")}
    return {f"{name}.{part}": files.take(f"openvino/{name}.{part}") for part in ("xml", "bin")}


def _fallback(graph: Graph) -> str:
    if graph.format != "openvino" or not ASKS_BF16.search(graph.data[f"{graph.view}.xml"]):
        return ""
    from models.compression.graphs.runtime import unreporting

    capabilities = unreporting("openvino").Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "" if "BF16" in capabilities else NO_BF16
