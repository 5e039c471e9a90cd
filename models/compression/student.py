"""A model in five parts that can be compressed one by one: four views and the fusion.

A view takes what its encoder takes and answers with category scores and a unit vector; encoder,
tower, expert and projection are one module, so that one graph holds everything from pixels to
scores. The teacher is a student too: the one that nothing was taken from.

Shapes: B batch, S pixels a side, L tokens or letters, F mel frames, C classes, D width.
"""

import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from models.batches import VIEWS
from models.encoders.audio_whisper import WhisperEncoder
from models.encoders.pooling import pool_segments
from models.fusion import GatedProduct
from models.multimodal import Multimodal, View
from models.spec import Spec

INPUTS = {
    "image": ("pixels",),
    "caption": ("ids", "mask"),
    "text": ("letters",),
    "audio": ("mel", "positions"),
}
"""Names of what each view's module takes, where its encoder is a packaged one: pixels (B, 3, S, S)
float 0 to 255; ids (B, L) long and mask (B, L) long, 1 where a token is real; letters (B, L) long;
mel (B, 80, F) float and positions (B,) long, valid positions of each clip after the encoder. Views
whose encoder is learned from scratch take the one tensor that training gave them (`RAW`)."""

RAW = ("content",)


class Pooled(nn.Module):
    """A Whisper encoder and the means over equal spans of its clip."""

    def __init__(self, encoder: WhisperEncoder, *, segments: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.segments = segments

    def forward(self, mel_BMF: Tensor, positions_B: Tensor) -> Tensor:
        """(B, 80, F) and (B,) to (B, S, D)."""
        return pool_segments(self.encoder(mel_BMF), positions_B, self.segments)


class ViewModel(nn.Module):
    """One view from input to answer.

    Args:
        view: its name in VIEWS.
        encoder: turns the inputs into what the tower takes; None where the tower holds it.
        head: tower, expert and projection.
    """

    def __init__(self, *, view: str, encoder: nn.Module | None, head: View) -> None:
        super().__init__()
        if view not in VIEWS:
            raise ValueError(f"view={view!r}: allowed are {', '.join(VIEWS)}")
        self.view = view
        self.encoder = encoder
        self.head = head

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what `forward` takes."""
        return RAW if self.encoder is None and self.view != "text" else INPUTS[self.view]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The view's inputs to scores (B, C) and unit vectors (B, D)."""
        found: Any = inputs[0] if self.encoder is None else self.encoder(*inputs)
        scores, vectors = self.head(found)
        return scores, vectors


@dataclass(frozen=True)
class Student:
    """A whole model, in parts.

    Args:
        spec: what the heads are made of, with classes, languages and characters.
        settings: how inputs are made: image_pixels, text_characters, audio_seconds, audio_segments.
        views: one module a view, in evaluation mode.
        fusion: joins their scores.
        tokenizer: the text of the caption encoder's tokenizer.json; None where captions are read
            by letter.
    """

    spec: Spec
    settings: dict[str, Any]
    views: dict[str, ViewModel]
    fusion: GatedProduct
    tokenizer: str | None

    def with_view(self, module: ViewModel) -> "Student":
        """The same with one view replaced."""
        return replace(self, views={**self.views, module.view: module})


def in_parts(
    model: Multimodal,
    *,
    settings: dict[str, Any],
    encoders: dict[str, nn.Module],
    tokenizer: str | None,
) -> Student:
    """A trained model with its frozen encoders, cut into parts; shares their weights.

    Args:
        model: trained, in evaluation mode.
        settings: `train.encoders` as it was trained with.
        encoders: by view, those that stand before the towers: image, caption; audio as `Pooled`.
        tokenizer: of the caption encoder.
    """
    views = {
        view: ViewModel(view=view, encoder=encoders.get(view), head=copy.deepcopy(module))  # type: ignore[arg-type]  # ModuleDict loses the type
        for view, module in model.views.items()
    }
    for module in views.values():
        module.eval().requires_grad_(False)
    fusion = copy.deepcopy(model.fusion).eval().requires_grad_(False)
    return Student(model.spec, settings, views, fusion, tokenizer)


def parameters(module: nn.Module) -> int:
    """How many numbers a module holds, buffers of floating point counted."""
    held = [*module.parameters(), *(b for b in module.buffers() if b.is_floating_point())]
    return sum(tensor.numel() for tensor in {id(t): t for t in held}.values())


def example(module: ViewModel, student: Student, *, batch: int = 2) -> tuple[Tensor, ...]:
    """Inputs of the right shapes for a view: of zeros and ones, for export and for shape checks."""
    side, length = student.settings["image_pixels"], student.settings["text_characters"]
    match module.inputs:
        case ("pixels",):
            return (torch.zeros(batch, 3, side, side),)
        case ("ids", "mask"):
            return (torch.ones(batch, 8, dtype=torch.long), torch.ones(batch, 8, dtype=torch.long))
        case ("letters",):
            return (torch.ones(batch, length, dtype=torch.long),)
        case ("mel", "positions"):
            return (torch.zeros(batch, 80, 200), torch.full((batch,), 90, dtype=torch.long))
    tower = student.spec.towers[module.view]
    if tower.name == "resnet":
        return (torch.zeros(batch, 3, side, side),)
    if tower.name == "chars":
        return (torch.ones(batch, length, dtype=torch.long),)
    return (torch.zeros(batch, 200, 80),)
