"""Steps on graphs: export, and what the two runtimes' own quantisers make of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from models.batches import VIEWS
from models.compression.graphs.equal import check_equal
from models.compression.graphs.export import export, export_fusion
from models.compression.graphs.graph import Graph
from models.compression.graphs.mixed import mixed_bits
from models.compression.graphs.openvino import bf16, nncf_int4, nncf_int8, to_openvino
from models.compression.graphs.ort_quantize import dynamic_int8, fp16, int4
from models.compression.graphs.traps import Agreement, guarded_int8
from models.compression.positions import crop_positions
from models.compression.student import example
from tasks.compress.bench import Bench
from tasks.compress.machine import fallback
from tasks.compress.state import FUSION, State, digest_of

TOLERANCE = 1e-3
"""Largest difference between a graph and its module, as a share of the largest answer."""
FLOOR = Agreement(cosine=0.9, same=0.8)
"""Below this a quantised graph has collapsed: the next best is taken without asking anybody."""
COMPARED = 4
"""Samples that the two are compared on."""


def exported(step: Any, state: State, bench: Bench) -> State:
    """Every view and the fusion as ONNX, each compared with torch.

    Raises:
        ValueError: not all views are named.
        ExportError: a graph cannot be made or says something else than its module.
    """
    student = state.student
    if set(step.views) != set(VIEWS):
        raise ValueError(
            f"onnx: views {step.views}: a deployable needs a graph of each of {', '.join(VIEWS)}"
        )
    graphs = {}
    for view, held in student.views.items():
        module = crop_positions(held, seconds=student.settings["audio_seconds"])
        digest = state.digest(view)
        if digest not in bench.exports:
            made = export(module, example(module, student))
            shown = bench.calibration(state, view).inputs[:COMPARED]
            check_equal(made, module, shown, tolerance=TOLERANCE)
            bench.exports[digest] = made
        graphs[view] = bench.exports[digest]
    graphs[FUSION] = export_fusion(student.fusion, len(student.spec.classes))
    return replace(state, plain=graphs, onnx=dict(graphs))


def _each(technique: Callable[[Graph, Any, Bench, State], tuple[Graph, str | None]]) -> Any:
    def way(step: Any, state: State, bench: Bench) -> State:
        settings = step.model_dump_json(exclude={"views"})
        for view in step.views:
            # Recipes often do the same to the same graph: what was made once is taken again.
            key = (digest_of(state.plain[view]), settings)
            if key not in bench.graphs:
                bench.graphs[key] = technique(state.plain[view], step, bench, state)
            graph, note = bench.graphs[key]
            state = state.with_graph(graph, *([f"{view}: {note}"] if note else []))
        return state

    return way


half = _each(lambda graph, *_: (fp16(graph), None))

dynamic = _each(
    lambda graph, step, bench, _: (
        dynamic_int8(
            graph,
            reduce_range=not bench.machine.vnni,
            embedding_bits=step.embedding_bits,
        ),
        fallback(step.technique, bench.machine),
    )
)

four_bits = _each(lambda graph, step, *_: (int4(graph, embedding_bits=step.embedding_bits), None))


def _mixed(graph: Graph, step: Any, bench: Bench, state: State) -> tuple[Graph, str]:
    made = mixed_bits(
        graph,
        bench.calibration(state, graph.view),
        mean_bits=step.mean_bits,
        seed=bench.params.seed,
    )
    return made.graph, made.sentence()


mixed = _each(_mixed)


def _static(graph: Graph, step: Any, bench: Bench, state: State) -> tuple[Graph, str | None]:
    made = guarded_int8(
        graph,
        state.student.views[graph.view],
        bench.calibration(state, graph.view),
        reduce_range=not bench.machine.vnni,
        floor=FLOOR,
        embedding_bits=step.embedding_bits,
    )
    notes = [fallback(step.technique, bench.machine), *made.steps]
    return made.graph, "; ".join(note for note in notes if note) or None


static = _each(_static)

openvino_eight = _each(
    lambda graph, step, bench, state: (
        nncf_int8(
            graph,
            bench.calibration(state, graph.view),
            reduce_range=not bench.machine.vnni,
        ),
        fallback(step.technique, bench.machine),
    )
)

openvino_four = _each(lambda graph, *_: (nncf_int4(graph), None))

openvino_half = _each(
    lambda graph, step, bench, _: (bf16(graph), fallback(step.technique, bench.machine))
)


def packed(_: Any, state: State, __: Bench) -> State:
    """Store the graphs entropy-coded."""
    return replace(state, packed=True)


def with_openvino(state: State) -> State:
    """OpenVINO's graphs of every part, weights in half precision where no step made one."""
    for part, graph in state.plain.items():
        if part not in state.openvino:
            state = state.with_graph(to_openvino(graph, half=part != FUSION))
    return state
