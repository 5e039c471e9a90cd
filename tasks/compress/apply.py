"""One step of a recipe, applied: from its name in params.yaml to the technique that does it."""

from collections.abc import Mapping

from models.batches import VIEWS
from models.compression.channels import channels
from models.compression.cluster import cluster
from models.compression.factorise import low_rank
from models.compression.ffn import ffn
from models.compression.half import bf16, fp16
from models.compression.heads import heads
from models.compression.layers import keep_layers
from models.compression.magnitude import magnitude
from models.compression.random_zeros import random_zeros
from models.compression.snip import snip
from models.compression.taylor import taylor
from models.compression.torchao_int import torchao_int4, torchao_int8
from models.compression.wanda import wanda
from tasks.compress import graph_steps
from tasks.compress.bench import Bench
from tasks.compress.searched import architecture
from tasks.compress.state import State
from tasks.compress.taught import taught
from tasks.compress.techniques import (
    Way,
    drawn,
    each,
    moved,
    narrow,
    on_the_grid,
    sparse,
    with_pixels,
    with_words,
)
from tasks.compress.tiny import tiny
from tasks.params.compress import AnyStep


def views_of(step: AnyStep) -> tuple[str, ...]:
    """Views that a step works on."""
    named = getattr(step, "views", None)
    if named is not None:
        return tuple(named)
    only = {"image_size": ("image",), "vocabulary": ("caption",)}
    return only.get(step.technique, VIEWS)


def apply(step: AnyStep, state: State, bench: Bench) -> State:
    """What a step makes of a state; the state is unchanged.

    Raises:
        ValueError: the technique cannot do that; says what it can.
    """
    return WAYS[step.technique](step, state, bench)


WAYS: Mapping[str, Way] = {
    "architecture": architecture,
    "layers": each(lambda m, step, *_: keep_layers(m, keep=step.keep, which="first")),
    "image_size": lambda step, state, _: with_pixels(step.pixels, state),
    "vocabulary": lambda step, state, bench: with_words(step.tokens, state, bench),
    "heads": narrow(heads),
    "ffn": narrow(ffn),
    "channels": narrow(channels),
    "low_rank": each(
        lambda m, step, bench, state: low_rank(
            m, energy=step.energy, rank_share=None, calibration=bench.calibration(state, m.view)
        )
    ),
    "student": tiny,
    "magnitude": sparse(magnitude),
    "random": sparse(random_zeros, "seed"),
    "snip": sparse(snip, "calibration", "seed"),
    "taylor": sparse(taylor, "calibration", "seed"),
    "wanda": sparse(wanda, "calibration"),
    "movement": each(moved),
    "lottery": each(drawn),
    "cluster": each(lambda m, step, *_: cluster(m, values=2**step.bits)),
    "distil": each(taught),
    "qat": each(on_the_grid),
    "fp16": each(lambda m, _, bench, __: fp16(m, flags=bench.machine.flags)),
    "bf16": each(lambda m, _, bench, __: bf16(m, flags=bench.machine.flags)),
    "torchao_int8": each(lambda m, *_: torchao_int8(m, mode="dynamic")),
    "torchao_int4": each(lambda m, *_: torchao_int4(m)),
    "onnx": graph_steps.exported,
    "ort_fp16": graph_steps.half,
    "ort_dynamic_int8": graph_steps.dynamic,
    "ort_static_int8": graph_steps.static,
    "ort_int4": graph_steps.four_bits,
    "ort_mixed": graph_steps.mixed,
    "openvino_int8": graph_steps.openvino_eight,
    "openvino_int4": graph_steps.openvino_four,
    "openvino_bf16": graph_steps.openvino_half,
    "zstd": graph_steps.packed,
}
"""Every technique by the name that recipes use."""
