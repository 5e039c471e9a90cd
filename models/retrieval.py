"""Retrieval: does a query find its own partner among all candidates?

Candidates are distinct contents. Two clips with the same text have one candidate, and it is right
for both: equal texts cannot be told apart and must not count as mistakes.

Shapes: N queries, K candidates, D width.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.batches import Examples
from models.metrics import ranks

DIRECTIONS = {
    "speech_to_text": ("audio", "text"),
    "text_to_speech": ("text", "audio"),
    "image_to_caption": ("image", "caption"),
    "caption_to_image": ("caption", "image"),
}
"""Name to the view that asks and the view that answers."""


class Searchable(Protocol):
    """Anything whose `views` turn contents into (something, unit vectors): our model, baselines."""

    views: nn.ModuleDict


@dataclass(frozen=True)
class Found:
    """Outcome of the queries of one task.

    Args:
        rank: of each query's best right candidate (N,), 1 is best.
        row: the row that each query stands for (N,), for its group.
        candidates: K.
    """

    rank: NDArray[np.int64]
    row: NDArray[np.int64]
    candidates: int

    def recall(self, k: int) -> NDArray[np.float64]:
        """1 where the right candidate is among the first k (N,)."""
        return (self.rank <= k).astype(float)


@torch.no_grad()
def search(model: Searchable, examples: Examples, rows: Tensor, direction: str) -> Found | None:
    """Ask every distinct query of some rows; None if there is nothing to ask or to find.

    A query may have several right candidates (one caption, several pictures): the best counts.

    Args:
        model: in evaluation mode.
        rows: long; queries and candidates both come from them.
        direction: a key of DIRECTIONS.
    """
    asks, answers = DIRECTIONS[direction]
    place = {view: examples.place[view][rows] for view in (asks, answers)}
    both = (place[asks] >= 0) & (place[answers] >= 0)
    if not bool(both.any()):
        return None
    rows = rows[both]
    query, query_of = torch.unique(place[asks][both], return_inverse=True)
    candidate, candidate_of = torch.unique(place[answers][both], return_inverse=True)
    similarity = (
        vectors(model, examples, asks, query) @ vectors(model, examples, answers, candidate).T
    )
    right = torch.zeros(len(query), len(candidate), dtype=torch.bool)
    right[query_of, candidate_of] = True
    best = similarity.masked_fill(~right, -torch.inf).argmax(1)
    # The other right candidates must not stand in the best one's way.
    rivals = similarity.masked_fill(right, -torch.inf).scatter(
        1, best[:, None], similarity.gather(1, best[:, None])
    )
    first = torch.stack([(query_of == i).nonzero()[0, 0] for i in range(len(query))])
    return Found(ranks(rivals.double().numpy(), best.numpy()), rows[first].numpy(), len(candidate))


@torch.no_grad()
def vectors(model: Searchable, examples: Examples, view: str, contents: Tensor) -> Tensor:
    """Unit vectors (K, D) of some contents of a view."""
    found = [
        model.views[view](part)[1] for part in torch.split(examples.contents[view][contents], 512)
    ]
    return torch.cat(found)
