"""What others make of the same model: each with its own defaults, from the same graphs and data.

Where a peer cannot take a view, that view stays as it was exported, in fp32, and a note says why.
"""

import copy
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.batches import VIEWS
from models.compression.graphs.export import export_module
from models.compression.graphs.graph import Graph
from models.compression.graphs.quiet import quiet
from models.compression.graphs.runtime import read_openvino, unreporting
from models.compression.student import ViewModel
from models.encoders.image_efficientnet import CLASSES, HEAD, TAPPED, EfficientNetLite0
from tasks.compress.bench import Bench
from tasks.compress.graph_steps import exported, with_openvino
from tasks.compress.state import State
from tasks.params.compress import PlainStep
from tasks.progress import say

RATIOS = (0.3, 0.5)
"""Shares of the channels that torch-pruning takes away."""


def plain(bench: Bench) -> State:
    """The teacher as it is exported: the control, and where peers start."""
    step = PlainStep(technique="onnx", views=["image", "caption", "text", "audio"])
    return exported(step, State.of(bench.source.teacher), bench)


def peers(base: State, bench: Bench) -> list[tuple[str, State]]:
    """All that run in this environment, by name."""
    return [
        ("onnxruntime quantize_dynamic, defaults", ort_dynamic(base)),
        ("onnxruntime quantize_static, defaults", ort_static(base, bench)),
        ("NNCF quantize, defaults (OpenVINO)", nncf_default(base, bench)),
        *((f"torch-pruning {ratio}, image encoder", pruned(base, ratio)) for ratio in RATIOS),
    ]


def ort_dynamic(base: State) -> State:
    """`onnxruntime.quantization.quantize_dynamic` with nothing but its two paths."""

    def quantize(source: Path, target: Path, _: Graph) -> None:
        from onnxruntime.quantization import quantize_dynamic

        quantize_dynamic(source, target)

    return _each(base, "quantize_dynamic", quantize)


def ort_static(base: State, bench: Bench) -> State:
    """`onnxruntime.quantization.quantize_static` with nothing but paths and samples."""

    def quantize(source: Path, target: Path, graph: Graph) -> None:
        from onnxruntime.quantization import quantize_static

        quantize_static(source, target, _Reader(feeds(graph, base, bench)))

    return _each(base, "quantize_static", quantize)


def nncf_default(base: State, bench: Bench) -> State:
    """`nncf.quantize` with nothing but model and samples."""
    state = with_openvino(base)
    for view in VIEWS:
        graph = base.plain[view]
        with quiet():
            nncf, openvino = unreporting("nncf"), unreporting("openvino")
            try:
                made = nncf.quantize(read_openvino(graph), nncf.Dataset(feeds(graph, base, bench)))
            except Exception as error:  # whatever a peer may raise is a result
                state = _failed(state, view, "nncf.quantize", error)
                continue
            with tempfile.TemporaryDirectory() as folder:
                openvino.save_model(made, Path(folder) / f"{view}.xml")
                data = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
        state = state.with_graph(Graph(view, "openvino", data))
    return state


def pruned(base: State, ratio: float) -> State:
    """torch-pruning's BasePruner on the image encoder, all layers it can narrow, no retraining.

    What the head reads, the maps of the tapped blocks and the last one, keeps its width: a head
    cannot read other features than it learned.
    """
    import torch_pruning

    module = base.student.views["image"]
    encoder: Any = copy.deepcopy(module.encoder)
    if not isinstance(encoder, EfficientNetLite0):
        raise TypeError("the image encoder is not the packaged one: nothing to compare with")
    encoder.eval().requires_grad_(True)
    kept: list[nn.Module] = [encoder._fc, encoder._conv_head]
    blocks: Any = encoder._blocks
    kept.extend(blocks[index]._project_conv for index in TAPPED)
    pruner = torch_pruning.pruner.BasePruner(
        encoder,
        255 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)),
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=ratio,
        ignored_layers=kept,
    )
    pruner.step()
    assert (encoder._fc.in_features, encoder._fc.out_features) == (HEAD, CLASSES)  # noqa: S101  # else the head reads nonsense
    made = ViewModel(view="image", encoder=encoder, head=module.head).eval().requires_grad_(False)
    side = base.student.settings["image_pixels"]
    graph = export_module(
        made,
        (torch.zeros(2, 3, side, side),),
        name="image",
        axes={"pixels": {0: "batch"}},
        outputs=("scores", "vectors"),
    )
    return base.with_graph(graph)


def feeds(graph: Graph, base: State, bench: Bench) -> list[dict[str, Any]]:
    """The calibration samples of our own recipes, by the names of a graph's inputs."""
    names = [value.name for value in graph.proto().graph.input]
    samples: Sequence[tuple[Tensor, ...]] = bench.calibration(base, graph.view).inputs
    return [
        {name: part.numpy() for name, part in zip(names, sample, strict=True)} for sample in samples
    ]


def _each(base: State, name: str, quantize: Callable[[Path, Path, Graph], None]) -> State:
    import onnx

    state = base
    for view in VIEWS:
        graph = base.plain[view]
        with tempfile.TemporaryDirectory() as folder, quiet():
            source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
            onnx.save_model(graph.proto(), source)
            try:
                quantize(source, target, graph)
                made = Graph(view, "onnx", {f"{view}.onnx": target.read_bytes()})
                opens(made)
            except Exception as error:  # whatever a peer may raise is a result
                state = _failed(state, view, name, error)
                continue
        state = state.with_graph(made)
    return state


def opens(graph: Graph) -> None:
    """Load a graph, as a deployment would, to see whether the runtime has all its operators."""
    from models.compression.graphs.session import Session

    Session(graph, threads=1)


def _failed(state: State, view: str, what: str, error: Exception) -> State:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
    note = f"{view} stays fp32: {what} failed: {reason}"
    say(note)
    return replace(state, notes=(*state.notes, note))


class _Reader:
    """Samples in the form that ONNX Runtime's calibration asks for."""

    def __init__(self, samples: Sequence[dict[str, Any]]) -> None:
        self.left = iter(samples)

    def get_next(self) -> dict[str, Any] | None:
        return next(self.left, None)
