"""An ONNX graph in fewer bits, by ONNX Runtime's own quantisers.

What each does to the weights, and what computes:

| function     | matrix products         | convolutions            | embedding tables        |
|--------------|-------------------------|-------------------------|-------------------------|
| dynamic_int8 | int8, inputs as they come | int8 stored, float    | int8 stored, float rows |
| static_int8  | int8, calibrated inputs | int8, calibrated inputs | int8 stored, float rows |
| int4         | int4 stored, int8 or float | int8 stored, float   | int4 stored, float rows |
| fp16         | half stored, float      | half stored, float      | half stored, float      |

`reduce_range` keeps weights in 7 bits: CPUs without VNNI add products of u8 and s8 in 16 bits,
which overflow otherwise. The caller knows the CPU.

Source: Jacob et al. 2018, https://arxiv.org/abs/1712.05877 (integer arithmetic);
https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from models.compression.calibration import FEWEST, Calibration, CalibrationError
from models.compression.graphs.clean import bare
from models.compression.graphs.graph import Graph, GraphError
from models.compression.graphs.products import gemm_as_matmul, unweighted
from models.compression.graphs.quiet import quiet
from models.compression.graphs.session import WIDENED
from models.compression.graphs.stored import stored_embeddings, stored_filters, stored_halves

PRODUCTS = ("MatMul", "Gemm")
COMPUTED = ("MatMul", "Gemm", "Conv")
"""What pays in int8. Softmax, norms and sums are left in float: their ranges (masks of -3e38) ruin
a calibration by minimum and maximum."""
METHODS = ("min-max", "percentile", "entropy")

INTEGER = {
    "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger",
    "MatMulNBits", "GatherBlockQuantized", "QLinearMatMul", "QLinearConv",
}  # fmt: skip


def check_float(graph: Graph) -> None:
    """Refuse what was compressed before.

    Raises:
        GraphError: the graph holds integer operators or half-precision weights, or is not ONNX.
    """
    import onnx

    proto = graph.proto()
    found = sorted({node.op_type for node in proto.graph.node} & INTEGER)
    if any(held.data_type == onnx.TensorProto.FLOAT16 for held in proto.graph.initializer):
        found.append("half-precision weights")
    if found:
        raise GraphError(
            f"{graph.view}: is already quantised (it holds {', '.join(found)}): give the graph as "
            "it was exported"
        )


def dynamic_int8(graph: Graph, *, reduce_range: bool, embedding_bits: int = 8) -> Graph:
    """Weights of matrix products as int8 per channel; inputs are measured at every answer.

    Args:
        graph: as exported.
        reduce_range: weights in 7 bits, for CPUs without VNNI.
        embedding_bits: 8 or 4, for embedding tables.

    Raises:
        GraphError: the graph is already quantised.
    """
    check_float(graph)

    def quantize(source: Path, target: Path) -> None:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=list(PRODUCTS),
            per_channel=True,
            reduce_range=reduce_range,
            weight_type=QuantType.QInt8,
        )

    proto = _through_files(graph.proto(), quantize)
    return stored_rest(graph, proto, embedding_bits)


def static_int8(
    graph: Graph,
    calibration: Calibration,
    *,
    reduce_range: bool,
    operators: Sequence[str] | None = COMPUTED,
    excluded: Sequence[str] = (),
    method: str = "min-max",
    embedding_bits: int = 8,
) -> Graph:
    """Weights and inputs as int8, weights per channel, ranges of inputs from real data (QDQ).

    Args:
        graph: as exported.
        calibration: real inputs of this view.
        reduce_range: weights in 7 bits, for CPUs without VNNI.
        operators: types to quantise; None for all that ONNX Runtime can, which is risky
            (models/compression/graphs/traps.py).
        excluded: names of nodes to leave in float.
        method: of METHODS; how a range is read from what was seen.
        embedding_bits: 8 or 4, for embedding tables.

    Raises:
        GraphError: the graph is already quantised.
        CalibrationError: fewer than 2 samples, or of another view.
    """
    check_float(graph)
    check_samples(graph, calibration)
    if method not in METHODS:
        raise ValueError(f"method={method!r}: allowed are {', '.join(METHODS)}")

    # Two activations multiplied gain little and lose much (attention weights).
    floats = [*excluded, *([] if operators is None else unweighted(graph.proto()))]

    def quantize(source: Path, target: Path) -> None:
        from onnxruntime.quantization import (
            CalibrationMethod,
            QuantFormat,
            QuantType,
            quantize_static,
        )

        quantize_static(
            source,
            target,
            _Reader(graph, calibration),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=None if operators is None else list(operators),
            nodes_to_exclude=floats,
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method={
                "min-max": CalibrationMethod.MinMax,
                "percentile": CalibrationMethod.Percentile,
                "entropy": CalibrationMethod.Entropy,
            }[method],
            # Samples differ in length: each is looked at by itself.
            extra_options={"CalibStridedMinMax": 1}
            if operators is None
            else {
                "CalibStridedMinMax": 1,
                # What follows is in float anyway.
                "OpTypesToExcludeOutputQuantization": list(PRODUCTS),
            },
        )

    proto = _through_files(graph.proto(), quantize)
    return stored_rest(graph, proto, embedding_bits, widen=False)


def int4(graph: Graph, *, block: int = 32, embedding_bits: int = 4) -> Graph:
    """Weights of matrix products and embedding tables as int4 in blocks that share a scale.

    Args:
        graph: as exported.
        block: weights that share a scale; a power of 2, at least 16.
        embedding_bits: 8 or 4.

    Raises:
        GraphError: the graph is already quantised.
    """
    check_float(graph)
    if block < 16 or block & (block - 1):
        raise ValueError(f"block={block}: a power of 2 from 16 up")
    with quiet():
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(
            gemm_as_matmul(graph.proto()),
            bits=4,
            block_size=block,
            is_symmetric=False,
            accuracy_level=4,  # inputs as int8: the fast path on CPUs
        )
        quantizer.process()
    return stored_rest(graph, quantizer.model.model, embedding_bits)


def fp16(graph: Graph) -> Graph:
    """All weights as half-precision floats; inputs and outputs stay as they were.

    Half the size. CPUs without half-precision arithmetic compute in float: no speed is gained.

    Raises:
        GraphError: the graph is already quantised.
    """
    check_float(graph)
    proto = graph.proto()
    stored_halves(proto)
    return Graph.of(graph.view, bare(proto))


def stored_rest(graph: Graph, proto: Any, embedding_bits: int, *, widen: bool = True) -> Graph:
    """Store tables and filters as integers.

    Args:
        widen: whether a runtime should turn filters into floats once, when it opens the graph; not
            where integers are computed with.
    """
    stored_embeddings(proto, bits=embedding_bits)
    stored_filters(proto)
    proto = bare(proto)
    if widen:
        proto.metadata_props.add(key=WIDENED, value="1")
    return Graph.of(graph.view, proto)


def check_samples(graph: Graph, calibration: Calibration) -> None:
    """Refuse too few samples, and those of another view."""
    if calibration.view != graph.view:
        raise CalibrationError(
            f"view {graph.view}: the calibration data is of view {calibration.view}: give samples "
            f"of {graph.view}"
        )
    if len(calibration.inputs) < FEWEST:
        raise CalibrationError(
            f"view {graph.view}: {len(calibration.inputs)} samples of calibration data: at least "
            f"{FEWEST} are needed"
        )


def _through_files(proto: Any, quantize: Callable[[Path, Path], None]) -> Any:
    """ONNX Runtime's quantisers read and write files."""
    import onnx

    # Without this mark it advises to optimise first; the exporter has done that.
    proto.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    with tempfile.TemporaryDirectory(prefix="cairn-quantise-") as folder, quiet():
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save_model(proto, source)
        quantize(source, target)
        return onnx.load_model(target)


class _Reader:
    """Samples in the form that ONNX Runtime's calibration asks for."""

    def __init__(self, graph: Graph, calibration: Calibration) -> None:
        names = [value.name for value in graph.proto().graph.input]
        self.feeds: list[dict[str, Any]] = [
            {name: part.numpy() for name, part in zip(names, sample, strict=True)}
            for sample in calibration.inputs
        ]
        self.left: Iterator[dict[str, Any]] = iter(self.feeds)

    def get_next(self) -> dict[str, Any] | None:
        return next(self.left, None)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.feeds)

    def __len__(self) -> int:
        return len(self.feeds)

    def set_range(self, start_index: int, end_index: int) -> None:
        self.left = iter(self.feeds[start_index:end_index])
