"""Samples joined for training: once, in groups of equal shapes, behind a frozen encoder or not.

Shapes: K samples, B batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.compression.answers import Answers
from models.compression.calibration import Calibration, CalibrationError

ENCODED = 64
"""Samples that a frozen encoder reads at once."""


@dataclass(frozen=True)
class Batch:
    """Rows (B,) of the samples and their inputs, joined."""

    rows: Tensor
    inputs: tuple[Tensor, ...]


@dataclass(frozen=True)
class Samples:
    """Samples ready to learn from: joined once, in groups of equal shapes."""

    groups: list[Batch]
    targets: Answers
    label: Tensor | None

    def batches(self, size: int, generator: torch.Generator | None) -> Iterator[Batch]:
        """Each sample once, B at most; shuffled where there is a generator."""
        chunks = []
        for group in self.groups:
            count = len(group.rows)
            order = (
                torch.arange(count)
                if generator is None
                else torch.randperm(count, generator=generator)
            )
            # Of nearly one size: a batch of one has no statistics for a batch norm.
            chunks += [(group, part) for part in torch.tensor_split(order, -(-count // size))]
        turns = (
            torch.arange(len(chunks))
            if generator is None
            else torch.randperm(len(chunks), generator=generator)
        )
        for turn in turns.tolist():
            group, part = chunks[turn]
            yield Batch(group.rows[part], tuple(x[part] for x in group.inputs))


@torch.no_grad()
def joined(calibration: Calibration, encoder: nn.Module | None) -> Samples:
    """All samples, as a frozen encoder describes them where one is given.

    Raises:
        CalibrationError: there are no targets.
    """
    if calibration.targets is None:
        raise CalibrationError(
            f"view {calibration.view}: the samples have no targets; ask the teacher first"
        )
    if encoder is None:
        groups = [Batch(*found) for found in calibration.batches(len(calibration))]
    else:
        encoded: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
        for rows, inputs in calibration.batches(ENCODED):
            found = encoder(*inputs)
            encoded.setdefault(found.shape[1:], []).append((rows, found))
        groups = [
            Batch(torch.cat([rows for rows, _ in parts]), (torch.cat([x for _, x in parts]),))
            for parts in encoded.values()
        ]
    return Samples(groups, calibration.targets, calibration.label)
