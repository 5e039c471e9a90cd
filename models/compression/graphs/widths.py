"""What 4 and 8 bits would do to each layer of a graph: bytes, and the error of the answers.

Layers are matrix products with constant weights and tables of look-ups. One session is opened in
which each layer's weights can be replaced; a layer's error is how much the answers to a few samples
move when this layer alone is rounded, exactly as it would be stored.

Shapes: K inputs and N outputs of a product, R rows and D width of a table, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from models.compression.bit_allocation import Layer
from models.compression.calibration import Calibration
from models.compression.graphs.graph import Graph, GraphError
from models.compression.graphs.products import gemm_as_matmul
from models.compression.graphs.quiet import quiet
from models.compression.graphs.session import Array, Session
from models.compression.graphs.stored import SMALLEST, block_of, packed

Floats = npt.NDArray[np.float32]

WIDTHS = (4, 8)
BLOCK = 32
"""Weights of a product that share a scale."""


@dataclass(frozen=True)
class Place:
    """Where a layer's weights are.

    Args:
        node: name of the product or of the look-up; the layer is called so.
        weight: name of the constant.
        kind: product or table.
    """

    node: str
    weight: str
    kind: Literal["product", "table"]


def places(proto: Any) -> list[Place]:
    """Layers of an ONNX model whose linear layers are `MatMul`, in the order of its nodes.

    Constants of fewer than 1,024 numbers, and those that several nodes share, are left alone.
    """
    from onnx import TensorProto

    held = {tensor.name: tensor for tensor in proto.graph.initializer}
    users: dict[str, int] = {}
    for node in proto.graph.node:
        for name in node.input:
            users[name] = users.get(name, 0) + 1
    found = []
    for node in proto.graph.node:
        at = {"MatMul": 1, "Gather": 0}.get(node.op_type)
        tensor = held.get(node.input[at]) if at is not None else None
        if (
            tensor is None
            or tensor.data_type != TensorProto.FLOAT
            or len(tensor.dims) != 2
            or int(np.prod(tensor.dims)) < SMALLEST
            or users[tensor.name] > 1
        ):
            continue
        if node.op_type == "MatMul":
            found.append(Place(node.name, tensor.name, "product"))
        elif block_of(tensor.dims[1]) and not any(a.name == "axis" and a.i for a in node.attribute):
            found.append(Place(node.name, tensor.name, "table"))
    return found


def layers(graph: Graph, calibration: Calibration, *, samples: int) -> list[Layer]:
    """Bytes and errors of each layer at each width.

    Args:
        graph: in float, as exported.
        calibration: real inputs of this view.
        samples: of them to ask about, the first ones.

    Raises:
        GraphError: the graph has no layer that can be stored in 4 or 8 bits.
    """
    from onnx import numpy_helper

    proto = gemm_as_matmul(graph.proto())
    found = places(proto)
    if not found:
        raise GraphError(
            f"{graph.view}: no matrix product or table of {SMALLEST} weights or more: leave this "
            "view out"
        )
    held = {one.name: numpy_helper.to_array(one) for one in proto.graph.initializer}
    asked = _Asked(graph, proto, found, calibration.inputs[:samples])
    made = []
    for place in found:
        weight = held[place.weight]
        rounded = {bits: stored(weight, place, bits) for bits in WIDTHS}
        errors = {bits: asked.error({place.weight: one}) for bits, (one, _) in rounded.items()}
        made.append(Layer(place.node, {bits: size for bits, (_, size) in rounded.items()}, errors))
    return made


def stored(weight: Floats, place: Place, bits: int) -> tuple[Floats, int]:
    """A constant as it comes back from so many bits, and the bytes that it takes."""
    return _product(weight, bits) if place.kind == "product" else _table(weight, bits)


def _product(weight_KN: Floats, bits: int) -> tuple[Floats, int]:
    with quiet():
        from onnxruntime.quantization.matmul_nbits_quantizer import (
            DefaultWeightOnlyQuantConfig,
            DefaultWeightOnlyQuantizer,
        )

        config = DefaultWeightOnlyQuantConfig(block_size=BLOCK, is_symmetric=False, bits=bits)
        parts = DefaultWeightOnlyQuantizer(config).qbits_block_quant(weight_KN)
    whole, scales, zeros = (np.asarray(part) for part in parts)
    inputs, outputs = weight_KN.shape
    blocks = -(-inputs // BLOCK)
    steps = _apart(whole.reshape(outputs, -1), bits).reshape(outputs, blocks, BLOCK)
    zero = _apart(zeros.reshape(outputs, -1), bits)[:, :blocks, None]
    scale = scales.reshape(outputs, blocks, 1)
    back = ((steps - zero) * scale).reshape(outputs, -1)[:, :inputs].T
    return np.ascontiguousarray(back, np.float32), whole.nbytes + scales.nbytes + zeros.nbytes


def _table(table_RD: Floats, bits: int) -> tuple[Floats, int]:
    block = block_of(table_RD.shape[1])
    whole, scales = packed(table_RD, bits=bits, block=block)
    steps = _apart(whole, bits) - 2 ** (bits - 1)
    back = steps.reshape(len(table_RD), -1, block) * scales[..., None]
    return back.reshape(table_RD.shape).astype(np.float32), whole.nbytes + scales.nbytes


def _apart(whole: npt.NDArray[np.uint8], bits: int) -> Floats:
    """Bytes (rows, bytes) as numbers, two of each byte for 4 bits: the lower half first."""
    if bits == 8:
        return whole.astype(np.float32)
    return np.stack([whole & 15, whole >> 4], -1).reshape(len(whole), -1).astype(np.float32)


class _Asked:
    """A graph whose constants can be replaced, and what it answers as it is."""

    def __init__(
        self, graph: Graph, proto: Any, found: Sequence[Place], inputs: Sequence[tuple[Any, ...]]
    ) -> None:
        from onnx import helper

        held = {one.name: one for one in proto.graph.initializer}
        self.own = [value.name for value in proto.graph.input]
        for place in found:  # a constant that is an input, too, may be given anew
            tensor = held[place.weight]
            proto.graph.input.append(
                helper.make_tensor_value_info(place.weight, tensor.data_type, list(tensor.dims))
            )
        self.session = _Replaceable(Graph.of(graph.view, proto))
        self.inputs = [
            {name: np.asarray(part) for name, part in zip(self.own, sample, strict=True)}
            for sample in inputs
        ]
        self.before = [self.session.answer(feed) for feed in self.inputs]

    def error(self, replaced: dict[str, Floats]) -> float:
        """Mean over samples of KL(as it is, replaced) of the scores, and 1 - cosine of vectors.

        For unit vectors that is half their squared distance, which small ones do not cancel in.
        """
        total = 0.0
        for feed, (scores, vectors) in zip(self.inputs, self.before, strict=True):
            moved_scores, moved_vectors = self.session.answer(feed | replaced)
            log_p, log_q = _log_softmax(scores), _log_softmax(moved_scores)
            total += float((np.exp(log_p) * (log_p - log_q)).sum(-1).mean())
            total += float(((vectors - moved_vectors) ** 2).sum(-1).mean() / 2)
        return max(total / len(self.inputs), 0.0)


class _Replaceable(Session):
    """A session that takes some of its constants from the question."""

    def answer(self, feed: dict[str, Array]) -> tuple[Array, Array]:
        answers = self._ask(feed)
        scores, vectors = (answers[name].astype(np.float64) for name in self.outputs)
        return scores, vectors


def _log_softmax(scores_BC: Array) -> Array:
    shifted = scores_BC - scores_BC.max(-1, keepdims=True)
    logs: Array = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return logs
