"""What a model says about every content of a data set, in the form that the evaluation takes.

Each view is asked once about each distinct content. The answers then stand in for the contents, and
a model whose views only split them apart goes through the very same evaluation as the real one.

Shapes: K contents, C classes, D width.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.batches import VIEWS, Batch, Examples
from models.fusion import GatedProduct
from models.multimodal import Output
from models.spec import Spec


@dataclass(frozen=True)
class Answers:
    """Scores (K, C) and unit vectors (K, D) of one view, for its distinct contents."""

    scores: Tensor
    vectors: Tensor

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.vectors):
            raise ValueError(f"{len(self.scores)} scores for {len(self.vectors)} vectors")


class _Split(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, : self.classes], x[:, self.classes :]


class Answered(nn.Module):
    """A model whose views have already answered; for `tasks.train.evaluate`.

    Args:
        spec: of the model.
        fusion: joins the scores of the views.
    """

    def __init__(self, spec: Spec, fusion: GatedProduct) -> None:
        super().__init__()
        self.spec = spec
        self.fusion = fusion
        self.views = nn.ModuleDict({view: _Split(len(spec.classes)) for view in spec.towers})

    def forward(self, batch: Batch) -> Output:
        """Fuse the answers of a batch whose inputs are answers."""
        # In the order of the fusion's gates; a spec read from JSON lists its towers in another.
        split = {view: self.views[view](batch.inputs[view]) for view in VIEWS}
        experts = torch.stack([scores for scores, _ in split.values()], 1)
        fused, gates = self.fusion(experts, batch.present)
        return Output(
            fused, experts, gates, {view: vectors for view, (_, vectors) in split.items()}
        )


def with_answers(examples: Examples, answers: Mapping[str, Answers]) -> Examples:
    """The data set with each content replaced by what was said about it."""
    contents = {
        view: torch.cat([found.scores, found.vectors], 1) for view, found in answers.items()
    }
    return Examples(contents, examples.place, examples.language, examples.label)
