"""A deployable folder made by hand: graphs whose answers can be computed on paper."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from blake3 import blake3
from onnx import TensorProto, helper, numpy_helper

from services.deployed.loading import CARD
from tests.services.conftest import ENCODERS, SPEC

INPUTS = {"image": "content", "caption": "content", "text": "letters", "audio": "content"}
WEIGHT = {
    "image": [0.01, 0.0, -0.01],
    "caption": [0.1, 0.2, 0.3],
    "text": [0.3, 0.1, 0.2],
    "audio": [0.5, 1.0, 0.0],
}
"""Scores of a view: these times the mean of its input."""
OPSET = [helper.make_opsetid("", 18)]


def view_graph(view: str) -> onnx.ModelProto:
    """`scores` (B, 3): the mean over everything but the batch, times WEIGHT; `vectors` (B, 3)."""
    rank, kind = {"image": (4, TensorProto.FLOAT), "audio": (3, TensorProto.FLOAT)}.get(
        view, (2, TensorProto.INT64)
    )
    shape = ["batch", *(f"axis{i}" for i in range(1, rank))]
    nodes = [
        helper.make_node("Cast", [INPUTS[view]], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"]),
        helper.make_node("ReduceMean", ["flat", "one"], ["mean"], keepdims=1),
        helper.make_node("MatMul", ["mean", "weight"], ["scores"]),
        helper.make_node("LpNormalization", ["scores"], ["vectors"], axis=-1),
    ]
    held = [
        numpy_helper.from_array(np.array([WEIGHT[view]], np.float32), "weight"),
        numpy_helper.from_array(np.array([1], np.int64), "one"),
    ]
    return _model(
        nodes,
        held,
        [helper.make_tensor_value_info(INPUTS[view], kind, shape)],
        [_floats("scores", ["batch", 3]), _floats("vectors", ["batch", 3])],
    )


def fusion_graph() -> onnx.ModelProto:
    """The product of the present experts' probabilities: every gate is 1."""
    nodes = [
        helper.make_node("Cast", ["present"], ["gates"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["gates", "last"], ["here"]),
        helper.make_node("LogSoftmax", ["scores"], ["sure"], axis=-1),
        helper.make_node("Mul", ["sure", "here"], ["counted"]),
        helper.make_node("ReduceSum", ["counted", "one"], ["joint"], keepdims=0),
        helper.make_node("LogSoftmax", ["joint"], ["log_probability"], axis=-1),
    ]
    held = [
        numpy_helper.from_array(np.array([2], np.int64), "last"),
        numpy_helper.from_array(np.array([1], np.int64), "one"),
    ]
    return _model(
        nodes,
        held,
        [
            _floats("scores", ["batch", 4, 3]),
            helper.make_tensor_value_info("present", TensorProto.BOOL, ["batch", 4]),
        ],
        [_floats("log_probability", ["batch", 3]), _floats("gates", ["batch", 4])],
    )


def _floats(name: str, shape: list[Any]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _model(nodes: Any, held: Any, inputs: Any, outputs: Any) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, held)
    model = helper.make_model(graph, opset_imports=OPSET, ir_version=10)
    onnx.checker.check_model(model)
    return model


def contents() -> dict[str, bytes]:
    """All files of a folder but its card, by name."""
    import openvino

    graphs = {view: view_graph(view) for view in INPUTS} | {"fusion": fusion_graph()}
    views = {view: {"inputs": [name]} for view, name in INPUTS.items()}
    student = {"spec": SPEC.plain(), "settings": ENCODERS, "views": views}
    files = {"student.json": json.dumps(student).encode()}
    for name, graph in graphs.items():
        files[f"{name}.onnx"] = graph.SerializeToString()
        model = openvino.Core().read_model(files[f"{name}.onnx"])
        files |= _openvino(name, model)
    return files


def _openvino(name: str, model: Any) -> dict[str, bytes]:
    from tempfile import TemporaryDirectory

    import openvino

    with TemporaryDirectory() as folder:
        xml, weights = Path(folder) / "graph.xml", Path(folder) / "graph.bin"
        openvino.serialize(model, xml, weights)
        return {
            f"openvino/{name}.xml": xml.read_bytes(),
            f"openvino/{name}.bin": weights.read_bytes(),
        }


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """The files and a card with their digests."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    digests = {name: blake3(data).hexdigest() for name, data in files.items()}
    (folder / CARD).write_text(json.dumps({"digests": digests}))
    return folder


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    return contents()


@pytest.fixture
def deployable(tmp_path: Path, files: dict[str, bytes]) -> Path:
    return write(tmp_path / "deployable", files)


def softmax(scores: list[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]
