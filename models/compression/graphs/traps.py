"""Int8 that collapsed: notice it, and take the next best instead.

Ranges by minimum and maximum over all operators are a trap. An attention mask holds -3e38, so that
one step of its int8 is 1e36: what stands beside it, the attention itself, is gone. On MiniLM it
cost 13 points of accuracy and left a cosine of .33. The same happens, less loudly, wherever a few
values are far from all others (norms and residual sums of transformers).

Shapes: K samples, C classes, D width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from models.compression.answers import Answers
from models.compression.calibration import Calibration, ask
from models.compression.graphs.graph import Graph
from models.compression.graphs.ort_quantize import COMPUTED, dynamic_int8, fp16, static_int8
from models.compression.graphs.session import Session

LOST = 0.25
"""Share of its input that a node may lose by rounding before it is left in float. Even steps lose
about .03 of normally distributed numbers."""


class CollapsedError(ValueError):
    """A graph that no longer says what its module says."""


@dataclass(frozen=True)
class Agreement:
    """How far a graph says what its module says, over K samples.

    Args:
        cosine: mean of the vectors' cosine.
        same: share of samples whose best class is the same.
    """

    cosine: float
    same: float

    def reaches(self, floor: "Agreement") -> bool:
        """Both at least as high; NaN reaches nothing."""
        return self.cosine >= floor.cosine and self.same >= floor.same

    def __str__(self) -> str:
        return f"cosine {self.cosine:.4f}, same class {self.same:.3f}"


@dataclass(frozen=True)
class Guarded:
    """A quantised graph that agrees with its module.

    Args:
        graph: the first that did.
        agreement: how well.
        steps: what was tried, in words, in order; the last is what stands.
    """

    graph: Graph
    agreement: Agreement
    steps: tuple[str, ...]


def agreement(graph: Graph, told: Answers, calibration: Calibration) -> Agreement:
    """Ask a graph about the samples and compare.

    Args:
        graph: to be judged.
        told: what the module says of the same samples (`calibration.ask`).
        calibration: K samples.
    """
    session = Session(graph)
    answers = [session(*sample) for sample in calibration.inputs]
    scores_KC = np.concatenate([scores for scores, _ in answers])
    vectors_KD = np.concatenate([vectors for _, vectors in answers])
    cosine_K = (vectors_KD * told.vectors.numpy()).sum(1)
    same_K = scores_KC.argmax(1) == told.scores.numpy().argmax(1)
    broken = ~(np.isfinite(scores_KC).all(1) & np.isfinite(vectors_KD).all(1))
    return Agreement(
        float(np.where(broken, -1.0, cosine_K).mean()), float((same_K & ~broken).mean())
    )


def check_agreement(
    graph: Graph, module: nn.Module, calibration: Calibration, *, floor: Agreement
) -> Agreement:
    """How far a graph agrees with its module, if far enough.

    Raises:
        CollapsedError: below the floor; names the view and both.
    """
    found = agreement(graph, ask(module, calibration), calibration)
    if not found.reaches(floor):
        raise CollapsedError(
            f"{graph.view}: the quantised graph says something else than its module ({found}; at "
            f"least {floor} is asked): quantise fewer operators, or use `guarded_int8`"
        )
    return found


def guarded_int8(
    graph: Graph,
    module: nn.Module,
    calibration: Calibration,
    *,
    reduce_range: bool,
    floor: Agreement,
    operators: Sequence[str] | None = COMPUTED,
    method: str = "min-max",
    embedding_bits: int = 8,
) -> Guarded:
    """Static int8, and where it collapses the next best, step by step.

    As asked; without the nodes that lose most by rounding; matrix products and convolutions alone;
    ranges measured anew at every answer; half precision.

    Args:
        graph: as exported.
        module: what it was exported from.
        calibration: real inputs; it is judged by them too.
        reduce_range: weights in 7 bits, for CPUs without VNNI.
        floor: agreement that must be reached.
        operators, method, embedding_bits: as for `static_int8`.

    Raises:
        CollapsedError: not even half precision agrees: the graph is not this module's.
    """
    told = ask(module, calibration)
    steps: list[str] = []

    def static(kinds: Sequence[str] | None, excluded: Sequence[str]) -> Graph:
        return static_int8(
            graph,
            calibration,
            reduce_range=reduce_range,
            operators=kinds,
            excluded=excluded,
            method=method,
            embedding_bits=embedding_bits,
        )

    first = static(operators, ())
    found = agreement(first, told, calibration)
    kinds = "all operators" if operators is None else ", ".join(operators)
    steps.append(f"static int8 of {kinds}: {found}")
    if found.reaches(floor):
        return Guarded(first, found, tuple(steps))

    lost = losses(graph, first, calibration)
    worst = sorted(name for name, share in lost.items() if share > LOST)
    ways: list[tuple[str, Callable[[], Graph]]] = []
    if worst:
        words = f"static int8 of {kinds} without {len(worst)} nodes that lose over {LOST:.0%}"
        ways.append((words, lambda: static(operators, worst)))
    if operators is None:
        ways.append((f"static int8 of {', '.join(COMPUTED)}", lambda: static(COMPUTED, ())))
    ways.append(
        (
            "dynamic int8",
            lambda: dynamic_int8(graph, reduce_range=reduce_range, embedding_bits=embedding_bits),
        )
    )
    ways.append(("half precision", lambda: fp16(graph)))
    for words, make in ways:
        tried = make()
        found = agreement(tried, told, calibration)
        steps.append(f"{words}: {found}")
        if found.reaches(floor):
            return Guarded(tried, found, tuple(steps))
    raise CollapsedError(
        f"{graph.view}: nothing reaches {floor}: {'; '.join(steps)}: check that the graph was "
        "exported from this module"
    )


def losses(
    graph: Graph, quantised: Graph, calibration: Calibration, *, most: int = 8
) -> dict[str, float]:
    """Share of each node's inputs and outputs that rounding to int8 takes away.

    The mean over all numbers of |x - rounded x| / |x|, at most 1 each: numbers far larger than the
    others hide nothing in it, as they would in a mean square.

    Args:
        graph: in float.
        quantised: made of it by `static_int8`.
        calibration: samples.
        most: how many of them are looked at.

    Returns:
        Node name to the worst of its tensors.
    """
    from onnx import helper, numpy_helper

    integer, plain = quantised.proto(), graph.proto()
    held = {tensor.name: tensor for tensor in integer.graph.initializer}
    made = {name for node in plain.graph.node for name in node.output}
    grids = {
        node.input[0]: tuple(numpy_helper.to_array(held[name]) for name in node.input[1:3])
        for node in integer.graph.node
        if node.op_type == "QuantizeLinear" and node.input[0] in made and len(node.input) == 3
    }
    answered = {value.name for value in plain.graph.output}
    asked = sorted(grids)
    plain.graph.output.extend(
        helper.make_empty_tensor_value_info(name) for name in asked if name not in answered
    )
    session = Session(Graph.of(graph.view, plain), optimise=False)
    total = dict.fromkeys(asked, 0.0)
    samples = calibration.inputs[:most]
    for sample in samples:
        values = session.ask(*sample)
        for name in asked:
            total[name] += _lost(values[name], *grids[name]) / len(samples)
    return {
        node.name: max(told)
        for node in plain.graph.node
        if (told := [total[name] for name in [*node.input, *node.output] if name in total])
    }


def _lost(x: np.ndarray, scale: np.ndarray, zero: np.ndarray) -> float:
    x = x.astype(np.float64)
    there = x != 0
    if not there.any():
        return 0.0
    limits = np.iinfo(zero.dtype)
    step, middle = float(scale), float(zero)
    rounded = (np.clip(np.round(x / step) + middle, limits.min, limits.max) - middle) * step
    return float(np.minimum(np.abs(rounded - x)[there] / np.abs(x[there]), 1.0).mean())
