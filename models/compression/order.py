"""Which technique may follow which, and why not where it may not.

A recipe is a list of names. Its order is part of what it says: structure is decided first, then
the values of what is left, then the numbers they are written with, then how the bytes are stored.
"""

from collections.abc import Sequence
from enum import Enum


class OrderError(ValueError):
    """A recipe that names an unknown technique, or two in an order that cannot work."""


class Kind(Enum):
    """What a technique changes."""

    STRUCTURE = "structure"
    """Shapes: fewer or smaller layers, another input size."""
    LEARNING = "learning"
    """All weights, by training."""
    VALUES = "values"
    """Some weights: set to zero, or to shared values."""
    QUANTISED = "quantised"
    """The numbers that torch computes with."""
    EXPORT = "export"
    """From a torch module to a graph."""
    GRAPH = "graph"
    """The numbers that a graph is computed with."""
    STORAGE = "storage"
    """Bytes on the disk only."""


KINDS: dict[str, Kind] = {
    "student": Kind.STRUCTURE,
    "layers": Kind.STRUCTURE,
    "image_size": Kind.STRUCTURE,
    "heads": Kind.STRUCTURE,
    "ffn": Kind.STRUCTURE,
    "channels": Kind.STRUCTURE,
    "low_rank": Kind.STRUCTURE,
    "vocabulary": Kind.STRUCTURE,
    "distil": Kind.LEARNING,
    "qat": Kind.LEARNING,
    "magnitude": Kind.VALUES,
    "random": Kind.VALUES,
    "snip": Kind.VALUES,
    "taylor": Kind.VALUES,
    "wanda": Kind.VALUES,
    "movement": Kind.VALUES,
    "lottery": Kind.VALUES,
    "cluster": Kind.VALUES,
    "fp16": Kind.QUANTISED,
    "bf16": Kind.QUANTISED,
    "torchao_int8": Kind.QUANTISED,
    "torchao_int4": Kind.QUANTISED,
    "onnx": Kind.EXPORT,
    "ort_fp16": Kind.GRAPH,
    "ort_dynamic_int8": Kind.GRAPH,
    "ort_static_int8": Kind.GRAPH,
    "ort_int4": Kind.GRAPH,
    "ort_mixed": Kind.GRAPH,
    "openvino_int8": Kind.GRAPH,
    "openvino_int4": Kind.GRAPH,
    "openvino_bf16": Kind.GRAPH,
    "zstd": Kind.STORAGE,
}
"""Every technique by the name that recipes use."""

ONCE = ("student", "image_size", "low_rank", "qat", "lottery", "cluster", "onnx", "zstd")
"""Techniques whose second time would undo or repeat the first."""

INT8 = ("torchao_int8", "ort_dynamic_int8", "ort_static_int8", "openvino_int8")
"""What quantisation-aware training prepares for."""

MIXED = ("ort_int4", "ort_dynamic_int8")
"""The one pair of quantisers that may follow each other: int4 takes the weights that it can, and
the layers it left are still floats."""

_NUMBERS = (Kind.QUANTISED, Kind.GRAPH)


def check_order(names: Sequence[str]) -> None:
    """Refuse a recipe that could not be carried out in this order, or would undo itself.

    Args:
        names: techniques in the order in which they are applied to one view.

    Raises:
        OrderError: names the two techniques and the reason.
    """
    for name in names:
        if name not in KINDS:
            raise OrderError(f"technique {name!r}: allowed are {', '.join(sorted(KINDS))}")
    for place, later in enumerate(names):
        if later == "student" and place:
            raise OrderError(
                f"student after {names[0]}: it starts from new weights, so that all before it "
                "would be lost; put student first"
            )
        if KINDS[later] is Kind.GRAPH and "onnx" not in names[:place]:
            raise OrderError(
                f"{later} without onnx before it: it works on a graph; put onnx before {later}"
            )
        for earlier in names[:place]:
            reason = _reason(earlier, later)
            if reason:
                raise OrderError(f"{later} after {earlier}: {reason}")


def _reason(earlier: str, later: str) -> str | None:
    """Why one technique may not come after another, or None."""
    first, second = KINDS[earlier], KINDS[later]
    if earlier == "zstd":
        return "zstd only changes how bytes are stored, and nothing can work on them; put zstd last"
    if earlier == later and later in ONCE:
        return f"once is all it can do; remove one {later}"
    if first in _NUMBERS and second in _NUMBERS:
        if (earlier, later) == MIXED:
            return None
        return "this would quantise twice, and round what is rounded already; keep one of them"
    if first is Kind.QUANTISED and second is Kind.EXPORT:
        return (
            "tensors quantised in torch have no ONNX operators on a CPU; "
            f"remove {earlier}, and quantise the graph with an ort_ or openvino_ technique"
        )
    if first in (*_NUMBERS, Kind.EXPORT) and second in (
        Kind.STRUCTURE,
        Kind.LEARNING,
        Kind.VALUES,
        Kind.QUANTISED,
    ):
        what = "a quantised module" if first is Kind.QUANTISED else "a graph"
        return f"{later} changes a torch module of floats, not {what}; put {later} before {earlier}"
    return _reason_among_floats(earlier, later) or _reason_after_qat(earlier, later)


def _reason_among_floats(earlier: str, later: str) -> str | None:
    first, second = KINDS[earlier], KINDS[later]
    if first is Kind.VALUES and second is Kind.STRUCTURE:
        return (
            f"what {earlier} decided weight by weight would be cut up by new shapes; "
            f"change structure first: put {later} before {earlier}"
        )
    if earlier == "cluster" and second in (Kind.LEARNING, Kind.VALUES):
        return f"it would move weights away from the values they share; put cluster after {later}"
    if later == "lottery" and first is Kind.VALUES:
        return f"it goes back to early weights, and {earlier} would be lost; remove {earlier}"
    if earlier == "low_rank" and later in ("heads", "ffn", "channels"):
        return (
            "a rank was chosen for layers of the old size, and two thin matrices have no heads or "
            f"channels of their own to take away; put {later} before low_rank"
        )
    return None


def _reason_after_qat(earlier: str, later: str) -> str | None:
    if earlier != "qat":
        return None
    if KINDS[later] in (Kind.STRUCTURE, Kind.LEARNING, Kind.VALUES):
        return f"it would change the weights that were trained for int8; put {later} before qat"
    if KINDS[later] in _NUMBERS and later not in INT8:
        return f"the weights were trained for int8; take one of {', '.join(INT8)} or remove qat"
    return None
