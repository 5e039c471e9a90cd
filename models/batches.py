"""Rows as tensors: which content each row points at, and batches of one language at a time.

Shapes: N rows, B batch, V views, K distinct contents of a view.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

VIEWS = ("image", "caption", "text", "audio")
"""What a row may hold: picture, English caption, text in the clip's language, speech."""

MODALITIES = {"image": ("image",), "text": ("caption", "text"), "audio": ("audio",)}
"""The three modalities and their views."""

SUBSETS = (
    ("image",),
    ("text",),
    ("audio",),
    ("image", "text"),
    ("image", "audio"),
    ("text", "audio"),
    ("image", "text", "audio"),
)
"""Every way in which modalities can be present."""


@dataclass(frozen=True)
class Batch:
    """Inputs of the model.

    Args:
        inputs: view to tensor (B, ...); rows of an absent view are zeros.
        present: bool (B, V), in the order of VIEWS.
        language: long (B,), index into the model's languages; -1 where unknown.
    """

    inputs: dict[str, Tensor]
    present: Tensor
    language: Tensor

    def only(self, *modalities: str) -> "Batch":
        """The same rows with all other modalities taken away."""
        views = {view for modality in modalities for view in MODALITIES[modality]}
        kept = torch.tensor([view in views for view in VIEWS])
        return Batch(self.inputs, self.present & kept, self.language)


@dataclass(frozen=True)
class Examples:
    """A data set: distinct contents per view, and rows that point at them.

    Args:
        contents: view to tensor (K, ...).
        place: view to long (N,): the row's content, or -1 where the row has none. Equal numbers
            mean equal content, which is what the contrastive loss must not push apart.
        language: long (N,).
        label: long (N,), class index or -1 for rows that only serve alignment.
    """

    contents: dict[str, Tensor]
    place: dict[str, Tensor]
    language: Tensor
    label: Tensor

    def __post_init__(self) -> None:
        lengths = {"language": len(self.language), "label": len(self.label)}
        lengths |= {view: len(place) for view, place in self.place.items()}
        if set(self.place) != set(VIEWS) or set(self.contents) != set(VIEWS):
            raise ValueError(f"views are {sorted(self.place)}: exactly {sorted(VIEWS)} are needed")
        if len(set(lengths.values())) != 1:
            raise ValueError(f"columns differ in length: {lengths}")

    def __len__(self) -> int:
        return len(self.label)

    def batch(self, rows: Tensor) -> Batch:
        """Gather rows (B,) of the data set."""
        inputs, present = {}, []
        for view in VIEWS:
            place = self.place[view][rows]
            here = place >= 0
            found = self.contents[view][place.clamp(min=0)]
            if not bool(here.all()):
                found = found.clone()
                found[~here] = 0
            inputs[view] = found
            present.append(here)
        return Batch(inputs, torch.stack(present, 1), self.language[rows])


@dataclass(frozen=True)
class Data:
    """Examples, and which rows to learn from and to judge by (long tensors)."""

    examples: Examples
    train: Tensor
    validation: Tensor


def language_batches(
    examples: Examples, rows: Tensor, *, size: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Shuffled batches, each from one language.

    Inside one language nearly every row is another stamp, so that a batch names each stamp once,
    and every negative of the contrastive loss is spoken by the same voice: the loss cannot be
    lowered by telling voices or microphones apart.

    Args:
        rows: long, the rows to draw from; each comes up exactly once.
        size: most rows a batch may have; a language's batches differ by one row at most.
    """
    batches: list[Tensor] = []
    for language in torch.unique(examples.language[rows]).tolist():
        own = rows[examples.language[rows] == language]
        shuffled = own[torch.randperm(len(own), generator=generator)]
        batches.extend(torch.tensor_split(shuffled, -(-len(own) // size)))
    for index in torch.randperm(len(batches), generator=generator).tolist():
        yield batches[index]
