"""The retrieval baseline: two-layer heads on frozen features and on character 1-3 grams.

Speech is the 8 segments of Whisper side by side, text a bag of hashed n-grams, pictures and
captions their frozen vectors; each goes through two layers, and InfoNCE brings pairs together.

Shapes: B batch, N distinct contents, G buckets of n-grams, D width.
"""

import dataclasses
import math

import torch
from blake3 import blake3
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.data import Fold
from models.batches import Examples, language_batches
from models.losses import contrastive
from models.multimodal import PAIRS
from models.training import rate

BUCKETS = 4096
HIDDEN = 512
WIDTH = 256
BATCH = 256
EPOCHS = 30
PEAK = 1e-3


class Head(nn.Module):
    """Two layers; stands in for a view of our model."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(inputs),
            nn.Linear(inputs, HIDDEN),
            nn.GELU(),
            nn.Dropout(0.2),
            nn.Linear(HIDDEN, WIDTH),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, ...) to nothing and unit vectors (B, D), as a view of our model answers."""
        return x, F.normalize(self.layers(x.float().flatten(1)), dim=-1)


class Heads(nn.Module):
    """Four heads, no towers, no fusion; `views` is what `models.retrieval.search` asks for."""

    def __init__(self, examples: Examples) -> None:
        super().__init__()
        sizes = {view: found[0].numel() for view, found in examples.contents.items()}
        self.views = nn.ModuleDict({view: Head(size) for view, size in sizes.items()})
        self.log_scale = nn.Parameter(torch.full((len(PAIRS),), math.log(14.3)))


def with_grams(examples: Examples) -> Examples:
    """The same data set, texts as bags of hashed 1-3 grams (N, G) in place of character ids."""
    bags = torch.stack([_bag(ids.tolist()) for ids in examples.contents["text"]])
    return dataclasses.replace(examples, contents=examples.contents | {"text": bags})


def learn_heads(fold: Fold, examples: Examples, *, seed: int) -> Heads:
    """Train the heads on both pairs at once."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = Heads(examples)
        optimizer = torch.optim.AdamW(heads.parameters(), lr=PEAK, weight_decay=0.01)
        generator = torch.Generator().manual_seed(seed)
        epochs = [
            list(language_batches(examples, fold.train, size=BATCH, generator=generator))
            for _ in range(EPOCHS)
        ]
        steps = [rows for epoch in epochs for rows in epoch]
        for step, rows in enumerate(steps):
            for group in optimizer.param_groups:
                group["lr"] = rate(step, len(steps), PEAK)
            optimizer.zero_grad()
            torch.autograd.backward(_loss(heads, examples, rows))
            optimizer.step()
    return heads.eval()


def _loss(heads: Heads, examples: Examples, rows: Tensor) -> Tensor:
    losses = []
    for index, (left, right) in enumerate(PAIRS.values()):
        both = (examples.place[left][rows] >= 0) & (examples.place[right][rows] >= 0)
        keys = [examples.place[view][rows[both]] for view in (left, right)]
        a, b = (
            heads.views[view](examples.contents[view][key])[1]
            for view, key in zip((left, right), keys, strict=True)
        )
        losses.append(contrastive(a, b, heads.log_scale[index].exp().clamp(max=100.0), *keys))
    return torch.stack(losses).sum()


def _bag(ids: list[int]) -> Tensor:
    letters = [0, *(i for i in ids if i), 0]  # 0 marks both ends of the text
    counts = torch.zeros(BUCKETS)
    for size in (1, 2, 3):
        for start in range(len(letters) - size + 1):
            gram = ",".join(map(str, letters[start : start + size]))
            digest = blake3(gram.encode()).digest(4)
            counts[int.from_bytes(digest, "big") % BUCKETS] += 1
    return counts.sqrt()
