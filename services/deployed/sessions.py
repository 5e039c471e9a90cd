"""One graph, ready to run on the processor: by onnxruntime or by OpenVINO.

Each library is imported when its backend is asked for; a device needs one of them.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from services.deployed.loading import DeployError, Files

BACKENDS = ("onnx", "openvino")

NO_BF16 = "this processor has no bfloat16: computed in float32, correct but no faster"

Arrays = Mapping[str, NDArray[Any]]


class Session(Protocol):
    """Named arrays in, named arrays out.

    `fallback` says in words what runs otherwise than asked; empty where nothing does.
    """

    fallback: str

    def run(self, inputs: Arrays) -> dict[str, NDArray[np.float32]]:
        """All outputs, by name."""


class OnnxSession:
    """onnxruntime on the processor.

    Args:
        name: of the graph: a view, or "fusion".
        data: the bytes of its ONNX file.
        threads: that one operator may use.
    """

    def __init__(self, *, name: str, data: bytes, threads: int) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise DeployError(
                f"backend onnx: {error}; `pip install onnxruntime`, or take backend openvino"
            ) from None
        self.fallback = ""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that wait for the next question by spinning would burn a core in between.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors share no class of their own
            raise DeployError(f"{name}.onnx: onnxruntime cannot run it: {error}") from None
        self._types = {given.name: _ONNX_TYPES[given.type] for given in self._session.get_inputs()}
        self._outputs = [made.name for made in self._session.get_outputs()]

    def run(self, inputs: Arrays) -> dict[str, NDArray[np.float32]]:
        """All outputs, by name."""
        cast = {name: inputs[name].astype(kind, copy=False) for name, kind in self._types.items()}
        found = self._session.run(None, cast)
        return {
            name: array.astype(np.float32, copy=False)
            for name, array in zip(self._outputs, found, strict=True)
        }


_ONNX_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


class OpenvinoSession:
    """OpenVINO on the processor.

    Args:
        name: of the graph: a view, or "fusion".
        xml, weights: the bytes of its two files.
        threads: that it may use.
        bf16: compute in bfloat16 where the processor can; else in float32, never by guess.
    """

    def __init__(self, *, name: str, xml: bytes, weights: bytes, threads: int, bf16: bool) -> None:
        try:
            import openvino
        except ImportError as error:
            raise DeployError(
                f"backend openvino: {error}; `pip install openvino`, or take backend onnx"
            ) from None
        core = openvino.Core()
        capable = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.fallback = NO_BF16 if bf16 and not capable else ""
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 and capable else "f32",
        }
        try:
            model = core.read_model(model=xml, weights=weights)
            self._request = core.compile_model(model, "CPU", settings).create_infer_request()
        except Exception as error:  # RuntimeError of a class that only its C++ side knows
            raise DeployError(f"{name}.xml: OpenVINO cannot run it: {error}") from None
        ports = self._request.model_inputs
        self._types = {port.get_any_name(): port.get_element_type().to_dtype() for port in ports}
        self._outputs = [port.get_any_name() for port in self._request.model_outputs]

    def run(self, inputs: Arrays) -> dict[str, NDArray[np.float32]]:
        """All outputs, by name."""
        cast = {name: inputs[name].astype(kind, copy=False) for name, kind in self._types.items()}
        found = self._request.infer(cast)
        return {name: np.array(found[name], np.float32) for name in self._outputs}


def open_session(files: Files, name: str, *, backend: str, threads: int, bf16: bool) -> Session:
    """The session of one graph of a folder.

    Raises:
        DeployError: the folder lacks the graph, or the backend is not installed or cannot run it.
        TamperedError: a file is not the one that was promised.
    """
    if backend == "onnx":
        return OnnxSession(name=name, data=files.take(f"{name}.onnx"), threads=threads)
    return OpenvinoSession(
        name=name,
        xml=files.take(f"openvino/{name}.xml"),
        weights=files.take(f"openvino/{name}.bin"),
        threads=threads,
        bf16=bf16,
    )
