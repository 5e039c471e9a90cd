"""The step `student`: small encoders from scratch take the place of all that came in packages."""

from dataclasses import replace
from typing import Any

from models.compression.students import Sizes, tiny_student
from tasks.compress.bench import Bench
from tasks.compress.state import State


def tiny(step: Any, state: State, bench: Bench) -> State:
    """New encoders; nothing of the state's modules stays."""
    made = tiny_student(
        state.student, sizes(step.pixels, step.width, step.hidden, bench), seed=bench.params.seed
    )
    return replace(state, student=made, scratch=True)


def sizes(pixels: int, width: int, hidden: int, bench: Bench) -> Sizes:
    """Sizes of the four encoders from the three that a recipe names."""
    segments = bench.source.teacher.settings["audio_segments"]
    layers = {"width": width, "layers": 3, "segments": segments, "dropout": 0.1}
    return Sizes(
        image_pixels=pixels,
        image={"channels": [width // 4, width // 2, width], "depths": [1, 1, 1]},
        caption={
            "embedding": width // 2,
            "channels": width,
            "kernels": [2, 3, 4],
            "width": 2 * width,
        },
        text={**layers, "layers": 2, "kernel": 3},
        audio={**layers, "kernel": 9},
        hidden=hidden,
        dropout=0.1,
    )
