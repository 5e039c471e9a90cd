"""Graphs for OpenVINO, and its quantiser NNCF: weights and activations in int8, weights in int4.

Source: NNCF, https://github.com/openvinotoolkit/nncf; OpenVINO's IR, a .xml and a .bin.
"""

import tempfile
from pathlib import Path
from typing import Any

from models.compression.calibration import Calibration
from models.compression.graphs.graph import Graph, GraphError
from models.compression.graphs.ort_quantize import check_float, check_samples
from models.compression.graphs.quiet import quiet
from models.compression.graphs.runtime import HINT, read_openvino, unreporting

PRESETS = ("performance", "mixed")
"""Activations in symmetric ranges, or in ranges of their own (for what is seldom negative)."""


def to_openvino(graph: Graph, *, half: bool = False) -> Graph:
    """The same graph for OpenVINO.

    Args:
        graph: ONNX, as exported.
        half: store weights as half-precision floats; they are computed with as floats.

    Raises:
        GraphError: the graph is not ONNX, or is quantised for ONNX Runtime, whose own operators
            OpenVINO cannot read.
    """
    check_float(graph)
    return _written(graph.view, read_openvino(graph), half=half)


def bf16(graph: Graph) -> Graph:
    """The same graph with a hint to compute in bfloat16, which CPUs with AMX or AVX512-BF16 do.

    Others compute in float: no bytes are saved and no speed is gained there.

    Raises:
        GraphError: the graph is for OpenVINO and has the hint already.
    """
    model = read_openvino(graph)
    if model.has_rt_info(HINT):
        raise GraphError(f"{graph.view}: has the hint for bfloat16 already")
    model.set_rt_info("bf16", HINT)
    return _written(graph.view, model, half=False)


def nncf_int8(
    graph: Graph,
    calibration: Calibration,
    *,
    reduce_range: bool,
    preset: str = "mixed",
    transformer: bool | None = None,
) -> Graph:
    """Weights and activations as int8, calibrated, with biases corrected; for OpenVINO.

    Args:
        graph: as exported (ONNX), or made by `to_openvino`.
        calibration: real inputs of this view.
        reduce_range: weights in 7 bits, for CPUs without VNNI.
        preset: of PRESETS.
        transformer: whether to leave out what ruins transformers (norms, softmax); None asks the
            view: pictures are read by convolutions, everything else by attention.

    Raises:
        GraphError: the graph is already quantised.
        CalibrationError: fewer than 2 samples, or of another view.
    """
    _check_float(graph)
    check_samples(graph, calibration)
    if preset not in PRESETS:
        raise ValueError(f"preset={preset!r}: allowed are {', '.join(PRESETS)}")
    model = read_openvino(graph)
    names = [value.get_any_name() for value in model.inputs]
    feeds = [
        {name: part.numpy() for name, part in zip(names, sample, strict=True)}
        for sample in calibration.inputs
    ]
    with quiet():
        nncf = unreporting("nncf")
        fix = nncf.OverflowFix.ENABLE if reduce_range else nncf.OverflowFix.DISABLE
        if transformer is None:
            transformer = graph.view != "image"
        model = nncf.quantize(
            model,
            nncf.Dataset(feeds),
            preset=nncf.QuantizationPreset(preset),
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(feeds),
            fast_bias_correction=True,
            model_type=nncf.ModelType.TRANSFORMER if transformer else None,
            advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=fix),
        )
    return _written(graph.view, model, half=False)


def nncf_int4(graph: Graph, *, group: int = 64) -> Graph:
    """Weights as int4 in groups that share a scale, embeddings included; for OpenVINO.

    Args:
        graph: as exported (ONNX), or made by `to_openvino`.
        group: weights that share a scale; layers that it does not divide stay at int8.

    Raises:
        GraphError: the graph is already quantised.
    """
    _check_float(graph)
    model = read_openvino(graph)
    with quiet():
        nncf = unreporting("nncf")
        model = nncf.compress_weights(
            model,
            mode=nncf.CompressWeightsMode.INT4_ASYM,
            group_size=group,
            ratio=1.0,
            all_layers=True,
            advanced_parameters=nncf.AdvancedCompressionParameters(
                group_size_fallback_mode=nncf.GroupSizeFallbackMode.ADJUST
            ),
        )
    return _written(graph.view, model, half=False)


def _check_float(graph: Graph) -> None:
    if graph.format == "onnx":
        check_float(graph)
        return
    kinds = {"i8", "u8", "i4", "u4", "f16", "bf16"}
    found = {
        op.get_element_type().get_type_name()
        for op in read_openvino(graph).get_ordered_ops()
        if op.get_type_name() == "Constant" and op.get_byte_size() > 1024
    }
    if found & kinds:
        raise GraphError(
            f"{graph.view}: is already quantised (it holds {', '.join(sorted(found & kinds))}): "
            "give the graph as it was exported"
        )


def _written(view: str, model: Any, *, half: bool) -> Graph:
    openvino = unreporting("openvino")
    _plain(model, view)
    with tempfile.TemporaryDirectory(prefix="cairn-openvino-") as folder:
        target = Path(folder) / f"{view}.xml"
        openvino.save_model(model, target, compress_to_fp16=half)
        data = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    return Graph(view, "openvino", data)


def _plain(model: Any, view: str) -> None:
    """Names by position: OpenVINO numbers what it makes over the life of the process."""
    model.set_friendly_name(view)
    for number, op in enumerate(model.get_ordered_ops()):
        if op.get_type_name() not in ("Parameter", "Result"):
            op.set_friendly_name(f"{op.get_type_name()}_{number}")
        notes = op.get_rt_info()
        for name in [key for key in notes if key.startswith("fused_names")]:
            del notes[name]
