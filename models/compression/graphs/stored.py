"""Weights that are stored in few bits and turned back into floats where they are used.

Embedding tables are most of a sentence encoder's bytes, and only a few rows are read for an answer;
filters of convolutions that compute in float can be stored as int8 as well.

Shapes: R rows, D width, K blocks of a row.
Source: blocks that share a scale as in GGML and in ONNX Runtime's GatherBlockQuantized; the search
for the scale with the least squared error as in Choukroun et al. 2019,
https://arxiv.org/abs/1902.06822.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SMALLEST = 1024
"""Weights below which a tensor is left alone: nothing to gain."""
SHRINKS = np.linspace(1.0, 0.7, 7, dtype=np.float32)
"""Shares of the full range that are tried for 4 bits: clipping the largest weights a little makes
all others finer."""


def block_of(width: int) -> int:
    """Weights that share a scale: the largest power of 2 up to 128 that divides the width.

    0 where none from 16 up does.
    """
    return next((size for size in (128, 64, 32, 16) if width % size == 0), 0)


def packed(table_RD: Floats, *, bits: int, block: int) -> tuple[npt.NDArray[np.uint8], Floats]:
    """A table as unsigned integers of `bits` bits around their middle, with scales.

    Returns:
        (R, D x bits / 8) bytes, low half first, and scales (R, K).
    """
    rows, width = table_RD.shape
    parts = table_RD.reshape(rows, width // block, block)
    middle = 2 ** (bits - 1)
    # The side with the larger weight gets the one step that the negative side has more.
    peak = np.take_along_axis(parts, np.abs(parts).argmax(-1)[..., None], -1)
    full = (peak / -middle).astype(np.float32)
    scale, least = full, None
    for shrink in SHRINKS if bits < 8 else SHRINKS[:1]:
        tried = full * shrink
        error = ((_steps(parts, tried, middle) * tried - parts) ** 2).sum(-1, keepdims=True)
        if least is None:
            scale, least = tried, error
        else:
            scale, least = np.where(error < least, tried, scale), np.minimum(error, least)
    whole = (_steps(parts, scale, middle) + middle).astype(np.uint8).reshape(rows, width)
    if bits == 4:
        whole = whole[:, ::2] | (whole[:, 1::2] << 4)
    return whole, scale[..., 0].astype(np.float32)


def _steps(parts: Floats, scale: Floats, middle: int) -> Floats:
    steps = np.divide(parts, scale, out=np.zeros_like(parts), where=scale != 0)
    return np.clip(np.round(steps), -middle, middle - 1)


def stored_embeddings(proto: Any, *, bits: int, tables: Collection[str] | None = None) -> int:
    """Store the tables of a graph's look-ups in blocks; in place. Returns how many.

    Args:
        proto: of an ONNX model.
        bits: 4 or 8.
        tables: names of those to store; None for all.

    Raises:
        ValueError: `bits` is neither 4 nor 8.
    """
    from onnx import helper, numpy_helper

    if bits not in (4, 8):
        raise ValueError(f"embedding_bits={bits}: allowed are 4, 8")
    held = {tensor.name: tensor for tensor in proto.graph.initializer}
    users = _users(proto)
    done = 0
    for node in proto.graph.node:
        table = held.get(node.input[0]) if node.op_type == "Gather" else None
        if (
            table is None
            or (tables is not None and table.name not in tables)
            or users[table.name] > 1
            or any(a.name == "axis" and a.i for a in node.attribute)
        ):
            continue
        weights = _floats(table)
        if weights is None or weights.ndim != 2 or not (block := block_of(weights.shape[1])):
            continue
        whole, scales = packed(weights, bits=bits, block=block)
        proto.graph.initializer.remove(table)
        proto.graph.initializer.extend(
            [
                numpy_helper.from_array(whole, table.name + "_whole"),
                numpy_helper.from_array(scales, table.name + "_scales"),
            ]
        )
        node.CopyFrom(
            helper.make_node(
                "GatherBlockQuantized",
                [table.name + "_whole", node.input[1], table.name + "_scales"],
                list(node.output),
                name=node.name,
                domain="com.microsoft",
                bits=bits,
                block_size=block,
                gather_axis=0,
                quantize_axis=1,
            )
        )
        done += 1
    if done:
        _use_contrib(proto)
    return done


def stored_filters(proto: Any) -> int:
    """Store filters of convolutions that are still floats as int8 per channel; in place.

    Returns:
        How many.
    """
    from onnx import helper, numpy_helper

    held = {tensor.name: tensor for tensor in proto.graph.initializer}
    users = _users(proto)
    made = []
    for node in proto.graph.node:
        filters = held.get(node.input[1]) if node.op_type == "Conv" else None
        if filters is None or users[filters.name] > 1:
            continue
        weights = _floats(filters)
        if weights is None:
            continue
        flat = weights.reshape(len(weights), -1)
        scales = (np.abs(flat).max(1) / 127).astype(np.float32)
        scales[scales == 0] = 1
        whole = np.round(flat / scales[:, None]).astype(np.int8).reshape(weights.shape)
        name = filters.name
        proto.graph.initializer.remove(filters)
        proto.graph.initializer.extend(
            [
                numpy_helper.from_array(whole, name + "_whole"),
                numpy_helper.from_array(scales, name + "_scales"),
                numpy_helper.from_array(np.zeros(len(scales), np.int8), name + "_zeros"),
            ]
        )
        parts = [name + "_whole", name + "_scales", name + "_zeros"]
        made.append(
            helper.make_node("DequantizeLinear", parts, [name], name=name + "_back", axis=0)
        )
    for node in reversed(made):
        proto.graph.node.insert(0, node)
    return len(made)


def stored_halves(proto: Any) -> int:
    """Store every large tensor in half precision, turned back when the graph is loaded; in place.

    All arithmetic stays in float, so that nothing overflows: half precision ends at 65504. Weights
    beyond that are left as they are.

    Returns:
        How many tensors.
    """
    from onnx import TensorProto, helper, numpy_helper

    made = []
    for tensor in list(proto.graph.initializer):
        weights = _floats(tensor)
        if weights is None or np.abs(weights).max() > np.finfo(np.float16).max:
            continue
        half = numpy_helper.from_array(weights.astype(np.float16), tensor.name + "_half")
        proto.graph.initializer.remove(tensor)
        proto.graph.initializer.append(half)
        made.append(
            helper.make_node(
                "Cast", [half.name], [tensor.name], name=half.name + "_back", to=TensorProto.FLOAT
            )
        )
    for node in reversed(made):
        proto.graph.node.insert(0, node)
    return len(made)


def _users(proto: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in proto.graph.node:
        for name in node.input:
            found[name] = found.get(name, 0) + 1
    return found


def _floats(tensor: Any) -> Floats | None:
    """The weights, where they are single precision and enough to matter."""
    from onnx import TensorProto, numpy_helper

    if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < SMALLEST:
        return None
    weights: Floats = numpy_helper.to_array(tensor)
    return weights


def _use_contrib(proto: Any) -> None:
    from onnx import helper

    if all(opset.domain != "com.microsoft" for opset in proto.opset_import):
        proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))
