"""A few real inputs of one view, to calibrate by: to measure ranges, to learn from, to weigh by.

Contents of a view differ in length (captions, recordings), so samples are kept one by one and
batched only with others of the same shape.

Shapes: K samples, S pixels a side, L tokens or letters, F mel frames, C classes, D width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.compression.answers import Answers
from models.compression.student import ViewModel
from models.towers import Blocks, Segments

FEWEST = 2
"""Samples that calibration needs: one has no spread, so that every range would be a guess."""

Kind = tuple[str, tuple[int | None, ...], bool]
"""What an input is in words, its shape (None: any size), and whether it holds integers only."""

PIXELS: Kind = ("pixels", (1, 3, None, None), False)
LETTERS: Kind = ("letter ids", (1, None), True)
KINDS: dict[str, Kind] = {
    "pixels": PIXELS,
    "ids": ("token ids", (1, None), True),
    "mask": ("a mask of tokens", (1, None), True),
    "letters": LETTERS,
    "mel": ("mel frames", (1, 80, None), False),
    "positions": ("valid positions", (1,), True),
}
RAW: dict[str, Kind] = {
    "image": PIXELS,
    "caption": LETTERS,
    "text": LETTERS,
    "audio": ("frames", (1, None, 80), False),
}
"""What encoders learned from scratch take, by view."""


class CalibrationError(ValueError):
    """Too few samples, or samples of another modality; names the view and what it takes."""


@dataclass(frozen=True)
class Calibration:
    """Samples of one view.

    Args:
        view: its name.
        inputs: K samples; each holds what the view's module takes, as a batch of one.
        label: long (K,), class index or -1; None where nothing is known.
        targets: what the teacher says of the same samples; None where nobody was asked.
    """

    view: str
    inputs: list[tuple[Tensor, ...]]
    label: Tensor | None
    targets: Answers | None

    def __post_init__(self) -> None:
        told = {
            "labels": self.label,
            "targets": None if self.targets is None else self.targets.scores,
        }
        for name, found in told.items():
            if found is not None and len(found) != len(self.inputs):
                raise CalibrationError(
                    f"view {self.view}: {len(found)} {name} for {len(self.inputs)} samples of "
                    "calibration data: give one for each sample"
                )

    def __len__(self) -> int:
        return len(self.inputs)

    def check(self, module: ViewModel) -> None:
        """Refuse what cannot calibrate this module.

        Raises:
            CalibrationError: fewer than 2 samples, or samples of another view or modality.
        """
        if self.view != module.view:
            raise CalibrationError(
                f"view {module.view}: the calibration data is of view {self.view}: give samples of "
                f"{module.view}"
            )
        if len(self) < FEWEST:
            raise CalibrationError(
                f"view {self.view}: {len(self)} samples of calibration data: at least {FEWEST} "
                "are needed, a hundred are better; raise the number of samples, or take a "
                "technique that needs no calibration"
            )
        expected = kinds(module)
        for place, sample in enumerate(self.inputs):
            _check_sample(self.view, place, sample, expected)

    def take(self, rows: Sequence[int]) -> "Calibration":
        """Some of the samples, with their labels and targets."""
        where = torch.tensor(list(rows), dtype=torch.long)
        return Calibration(
            self.view,
            [self.inputs[row] for row in rows],
            None if self.label is None else self.label[where],
            self.targets and Answers(self.targets.scores[where], self.targets.vectors[where]),
        )

    def batches(
        self, size: int, *, generator: torch.Generator | None = None
    ) -> Iterator[tuple[Tensor, tuple[Tensor, ...]]]:
        """Rows (B,) and their inputs, joined: each sample once, only equal shapes together.

        Args:
            size: samples a batch at most.
            generator: shuffles samples and batches; None keeps their order.
        """
        count = len(self)
        order = (
            torch.arange(count) if generator is None else torch.randperm(count, generator=generator)
        )
        alike: dict[tuple[torch.Size, ...], list[int]] = {}
        for row in order.tolist():
            alike.setdefault(tuple(part.shape for part in self.inputs[row]), []).append(row)
        chunks = [
            rows[start : start + size]
            for rows in alike.values()
            for start in range(0, len(rows), size)
        ]
        turns = (
            range(len(chunks))
            if generator is None
            else torch.randperm(len(chunks), generator=generator).tolist()
        )
        for turn in turns:
            rows = chunks[turn]
            parts = zip(*(self.inputs[row] for row in rows), strict=True)
            yield torch.tensor(rows), tuple(torch.cat(part) for part in parts)


def samples(*parts: Tensor) -> list[tuple[Tensor, ...]]:
    """Inputs of one shape, each joined as (K, ...), as K samples of one."""
    return [tuple(part[row : row + 1] for part in parts) for row in range(len(parts[0]))]


@torch.no_grad()
def ask(module: nn.Module, calibration: Calibration, *, batch_size: int = 32) -> Answers:
    """What a view's module says of each sample, in their order."""
    scores: list[Tensor] = []
    vectors: list[Tensor] = []
    places: list[Tensor] = []
    for rows, inputs in calibration.batches(batch_size):
        score, vector = module(*inputs)
        scores.append(score)
        vectors.append(vector)
        places.append(rows)
    back = torch.cat(places).argsort()
    return Answers(torch.cat(scores)[back], torch.cat(vectors)[back])


def kinds(module: ViewModel) -> dict[str, Kind]:
    """What each input of a module has to be."""
    if module.inputs != ("content",):
        return {name: KINDS[name] for name in module.inputs}
    tower = module.head.tower
    if isinstance(tower, Blocks):
        return {"content": ("features", (1, sum(tower.sizes)), False)}
    if isinstance(tower, Segments):
        return {"content": ("features", (1, tower.segments, tower.whole), False)}
    return {"content": RAW[module.view]}


def _check_sample(
    view: str, place: int, sample: tuple[Tensor, ...], expected: dict[str, Kind]
) -> None:
    takes = " and ".join(f"{name} {_shape(kind[1])}" for name, kind in expected.items())
    where = f"view {view}: sample {place} of the calibration data"
    if len(sample) != len(expected):
        raise CalibrationError(
            f"{where} has {len(sample)} inputs: it takes {takes}; give samples of this view"
        )
    for found, (name, (words, shape, whole)) in zip(sample, expected.items(), strict=True):
        fits = found.ndim == len(shape) and all(
            size is None or size == given for size, given in zip(shape, found.shape, strict=True)
        )
        if not fits or 0 in found.shape:
            raise CalibrationError(
                f"{where}: {name} is of shape {_shape(tuple(found.shape))}, not {words} "
                f"{_shape(shape)}: it takes {takes}; give samples of this view"
            )
        if whole and found.is_floating_point():
            raise CalibrationError(
                f"{where}: {name} holds {str(found.dtype).removeprefix('torch.')}, but {words} "
                "are integers; give samples of this view"
            )
        if found.is_floating_point() and not bool(found.isfinite().all()):
            raise CalibrationError(
                f"{where}: {name} holds NaN or infinite numbers; look at how it was made"
            )


def _shape(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"
