"""Tiny students from scratch, for machines with a megabyte: all five parts together.

Frozen packaged encoders cannot be cut down that far, so each view gets a small encoder of its own,
which distillation teaches from new weights (`distil` with train="all"). Vectors keep the teacher's
width: they are compared with each other, and with what the teacher said.

What the views take, as a batch of one for `Calibration`:

- image: pixels (1, 3, S, S), 0 to 255 of any dtype, S = `Sizes.image_pixels` (models.media.pixels);
- caption: letter ids (1, L) of the English caption, `Vocabulary(spec.characters).encode`;
- text: letter ids (1, L), the same way;
- audio: frames (1, F, 80), `FrontEnd(settings["front_end"])`, zero after the clip's end; clips of
  different length may be padded to one, which changes nothing.
"""

from dataclasses import dataclass, replace

import torch

from models.batches import VIEWS
from models.compression.student import Student, ViewModel, parameters
from models.encoders.text_chars import FIRST
from models.multimodal import View
from models.spec import Setting, Spec, TowerSpec
from models.towers import build_tower

TOWERS = {"image": "resnet", "caption": "chars", "text": "spelling", "audio": "conv"}
"""Scratch encoder of each view."""

ENCODERS = {"image": "resnet", "text": "chars", "audio": "conv"}
"""What `train.encoders` calls them."""


@dataclass(frozen=True)
class Sizes:
    """How large a tiny student is.

    Args:
        image_pixels: pixels a side; 48 to 64 is enough for ten classes of drawings.
        image: channels and depths of the ResNet, one number of each a stage.
        caption: embedding, channels, kernels and width of the letter convolutions.
        text: width, layers, kernel, segments and dropout of the spelling encoder.
        audio: width, layers, kernel, segments and dropout of the separable convolutions.
        hidden: of the projection of each view.
        dropout: share of a tower's outputs that training hides.
    """

    image_pixels: int
    image: dict[str, Setting]
    caption: dict[str, Setting]
    text: dict[str, Setting]
    audio: dict[str, Setting]
    hidden: int
    dropout: float

    def __post_init__(self) -> None:
        if self.image_pixels < 16:
            raise ValueError(
                f"image_pixels={self.image_pixels}: at least 16, or the last stage sees nothing"
            )


def tiny_spec(spec: Spec, sizes: Sizes) -> Spec:
    """The teacher's spec with small towers; classes, languages, characters and width stay."""
    towers = {view: TowerSpec(name, getattr(sizes, view)) for view, name in TOWERS.items()}
    return replace(spec, towers=towers, hidden=sizes.hidden, dropout=sizes.dropout)


def tiny_student(teacher: Student, sizes: Sizes, *, seed: int) -> Student:
    """A student with new weights; the fusion is the teacher's, for calibration to adapt.

    Args:
        teacher: whose classes, characters and width the student shares.
        sizes: of its encoders.
        seed: of its weights; torch's own RNG is left alone.

    Raises:
        ValueError, TypeError: sizes that an encoder does not take; the encoder names them.
    """
    spec = tiny_spec(teacher.spec, sizes)
    settings = {**teacher.settings, **ENCODERS, "image_pixels": sizes.image_pixels}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        views = {view: tiny_view(view, spec) for view in VIEWS}
    return Student(spec, settings, views, teacher.fusion, None)


def tiny_view(view: str, spec: Spec) -> ViewModel:
    """One view of a tiny student, with weights from torch's RNG; frozen, in evaluation mode."""
    tower = build_tower(spec.towers[view], vocabulary=FIRST + len(spec.characters))
    module = ViewModel(view=view, encoder=None, head=View(tower, spec))
    return module.eval().requires_grad_(False)


def int8_bytes(student: Student) -> int:
    """Bytes of all five parts with a byte a number: what fits a microcontroller, roughly."""
    return sum(parameters(part) for part in (*student.views.values(), student.fusion))
