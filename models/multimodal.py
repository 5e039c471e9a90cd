"""One model, three modalities: names the category from whatever is present, and aligns pairs.

Four views (picture, English caption, text in the clip's language, speech) have a tower each. On top
of every tower sit a linear expert for the category and a projection for retrieval. Experts meet in
a gated product (models/fusion.py). Projections meet in two spaces: `sound`, where a recording lies
next to its text in the same language, and `meaning`, where a picture lies next to its caption.

Shapes: B batch, V views, C classes, D width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.batches import VIEWS, Batch
from models.encoders.text_chars import FIRST
from models.fusion import GatedProduct
from models.spec import Spec
from models.towers import Blocks, Encoded, Segments, build_tower

PAIRS = {"sound": ("audio", "text"), "meaning": ("image", "caption")}
"""Spaces and the two views that meet in each."""

START_SCALE = 14.3
"""Inverse temperature at the start, 1 / 0.07, and its upper limit 100: as CLIP."""
TOP_SCALE = 100.0


@dataclass(frozen=True)
class Output:
    """What the model says about a batch.

    Args:
        log_probability: fused (B, C).
        experts: scores of each view's own expert (B, V, C); meaningless where absent.
        gates: weight of each expert (B, V), 0 where absent.
        vectors: view to unit vectors (B, D) for retrieval; meaningless where absent.
    """

    log_probability: Tensor
    experts: Tensor
    gates: Tensor
    vectors: dict[str, Tensor]


class View(nn.Module):
    """A tower with its expert and its projection."""

    def __init__(self, tower: Blocks | Segments | Encoded, spec: Spec) -> None:
        super().__init__()
        self.tower = tower
        whole, detail = tower.whole, tower.detail
        self.expert = nn.Sequential(nn.Dropout(spec.dropout), nn.Linear(whole, len(spec.classes)))
        self.project = nn.Sequential(
            nn.LayerNorm(detail),
            nn.Dropout(spec.dropout),
            nn.Linear(detail, spec.hidden),
            nn.GELU(),
            nn.Dropout(spec.dropout),
            nn.Linear(spec.hidden, spec.width),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, ...) to scores (B, C) and unit vectors (B, D)."""
        whole, detail = self.tower(x)
        return self.expert(whole), F.normalize(self.project(detail), dim=-1)


class Multimodal(nn.Module):
    """The whole model. Build it with `build`."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.views = nn.ModuleDict()
        for view in VIEWS:
            tower = build_tower(spec.towers[view], vocabulary=FIRST + len(spec.characters))
            self.views[view] = View(tower, spec)
        self.fusion = GatedProduct(
            trust=[spec.trust[view] for view in VIEWS], classes=len(spec.classes)
        )
        self.log_scale = nn.ParameterDict(
            {pair: nn.Parameter(torch.tensor(START_SCALE).log()) for pair in PAIRS}
        )

    def forward(self, batch: Batch, present: Tensor | None = None) -> Output:
        """Answer for a batch.

        Args:
            batch: inputs; views that are absent are ignored.
            present: bool (B, V), replaces `batch.present` for the fusion (modality dropout).
        """
        scores, vectors = [], {}
        for view in VIEWS:
            score, vectors[view] = self.views[view](batch.inputs[view])
            scores.append(score)
        experts = torch.stack(scores, 1)
        fused, gates = self.fusion(experts, batch.present if present is None else present)
        return Output(fused, experts, gates, vectors)

    def scale(self, pair: str) -> Tensor:
        """Inverse temperature of a pair."""
        log_scale: Tensor = self.log_scale[pair]
        return log_scale.exp().clamp(max=TOP_SCALE)


def build(spec: Spec, *, seed: int, class_names: Tensor | None = None) -> Multimodal:
    """A new model; the same spec and seed give the same weights. Leaves torch's own RNG alone.

    Args:
        spec: what it is made of.
        seed: of its weights.
        class_names: vectors of the names of the classes whose probabilities describe a picture, as
            `Blocks` takes them. Not needed where a state dict is loaded next: they are part of it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Multimodal(spec)
    tower = model.views["image"].tower
    if class_names is not None and isinstance(tower, Blocks):
        tower.name_classes(class_names)
    return model
