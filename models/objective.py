"""The objective: category of the fusion and of each expert, and alignment in both spaces.

Shapes: B batch, V views.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.batches import VIEWS, Data, Examples
from models.losses import category, contrastive, experts
from models.multimodal import PAIRS, Multimodal, Output


@dataclass(frozen=True)
class Weights:
    """How much each part of the loss counts.

    Args:
        experts: category loss of each view's own expert; the fused one counts 1.
        sound: speech against text in the same language.
        meaning: picture against caption.
    """

    experts: float
    sound: float
    meaning: float


def losses(
    model: Multimodal,
    output: Output,
    examples: Examples,
    rows: Tensor,
    present: Tensor,
    *,
    smoothing: float,
) -> dict[str, Tensor]:
    """Parts of the loss on a batch, unweighed: fused, experts, sound, meaning."""
    label = examples.label[rows]
    parts = {
        "fused": category(output.log_probability, label, smoothing=smoothing),
        "experts": experts(output.experts, present, label, smoothing=smoothing),
    }
    for pair, (left, right) in PAIRS.items():
        both = present[:, VIEWS.index(left)] & present[:, VIEWS.index(right)]
        if int(both.sum()) < 2:
            parts[pair] = output.log_probability.sum() * 0.0
            continue
        parts[pair] = contrastive(
            output.vectors[left][both],
            output.vectors[right][both],
            model.scale(pair),
            examples.place[left][rows][both],
            examples.place[right][rows][both],
        )
    return parts


def total(parts: dict[str, Tensor], weights: Weights) -> Tensor:
    """The one number that is minimised."""
    return (
        parts["fused"]
        + weights.experts * parts["experts"]
        + weights.sound * parts["sound"]
        + weights.meaning * parts["meaning"]
    )


@torch.no_grad()
def validate(model: Multimodal, data: Data, weights: Weights) -> dict[str, float]:
    """Loss and fused accuracy on the validation rows, every language judged apart."""
    model.eval()
    sums: dict[str, float] = {}
    hits, labelled, count = 0, 0, 0
    examples = data.examples
    for language in torch.unique(examples.language[data.validation]).tolist():
        rows = data.validation[examples.language[data.validation] == language]
        batch = examples.batch(rows)
        output = model(batch)
        parts = losses(model, output, examples, rows, batch.present, smoothing=0.0)
        for name, part in (parts | {"loss": total(parts, weights)}).items():
            sums[name] = sums.setdefault(name, 0.0) + part.item() * len(rows)
        label = examples.label[rows]
        hits += int((output.log_probability.argmax(1) == label)[label >= 0].sum())
        labelled += int((label >= 0).sum())
        count += len(rows)
    found = {f"val_{name}": value / count for name, value in sums.items()}
    return found | {"val_accuracy": hits / max(labelled, 1)}
