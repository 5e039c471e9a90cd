"""How good a configuration is on validation rows, out of answers that were worked out once.

Views do not see each other, so what a view says in one of its forms serves every configuration
with that form. Judging a configuration is then a matter of fusing, ranking and counting.

Shapes: N rows, V views, C classes, Q queries, K candidates.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.batches import VIEWS
from models.compression.answers import Answers
from models.fusion import GatedProduct
from models.multimodal import View
from models.search.space import Config
from models.search.supernet import Described, Supernet
from tasks.search.source import Source
from tasks.search.views import Elastic

DEPTH = 10
"""Of the recall that counts: is the right text among the first ten?"""
ASKS, ANSWERS = "audio", "text"


@dataclass(frozen=True)
class Figures:
    """What is said of a configuration.

    Args:
        accuracy: share of the labelled rows whose category it names, all views given.
        r10: speech -> text recall at 10, mean over languages; 0 where nothing can be asked.
        loss: relative loss against the trained model on the same rows, of accuracy or of recall,
            whichever is larger; 0 where it loses nothing: to be better by chance earns no more.
    """

    accuracy: float
    r10: float
    loss: float


Forms = Mapping[str, tuple[str, int]]
"""View to variant and hidden width."""


class Judge:
    """Judges configurations on some rows.

    Args:
        source: the trained model and its data.
        views: what its views may be.
        nets: view to the trained supernet.
        rows: to judge by; never of the test split.
    """

    def __init__(
        self,
        source: Source,
        views: Mapping[str, Elastic],
        nets: Mapping[str, Supernet],
        rows: Tensor,
    ) -> None:
        self.fusion: GatedProduct = source.model.fusion
        self.choices = dict(views)
        self.nets = nets
        contents = {view: source.contents(view, rows) for view in VIEWS}
        self.described = {view: views[view].only(contents[view]) for view in VIEWS}
        place = {view: source.examples.place[view][rows] for view in VIEWS}
        self.index = {
            view: torch.searchsorted(contents[view], place[view]).masked_fill(place[view] < 0, -1)
            for view in VIEWS
        }
        self.label = source.examples.label[rows]
        self.pools = _pools(self.index, source.examples.language[rows])
        self._said: dict[tuple[str, str, int], Answers] = {}
        self._recalled: dict[tuple[object, ...], float] = {}
        self.teacher = self._teacher(source)

    def figures(self, config: Config) -> Figures:
        """Judge one configuration."""
        forms = {view: elastic.choice(config) for view, elastic in self.choices.items()}
        answers = {view: self.said(view, *form) for view, form in forms.items()}
        key = (forms[ASKS], forms[ANSWERS])
        if key not in self._recalled:
            self._recalled[key] = self.recall(answers)
        accuracy, r10 = self._accuracy(answers), self._recalled[key]
        return Figures(accuracy, r10, self._loss(accuracy, r10))

    def said(self, view: str, variant: str, hidden: int) -> Answers:
        """What a view in one of its forms says about the contents of the rows."""
        key = (view, variant, hidden)
        if key not in self._said:
            described = self.described[view][variant]
            self._said[key] = self.nets[view].answers(variant, hidden, described)
        return self._said[key]

    def _loss(self, accuracy: float, r10: float) -> float:
        pairs = ((accuracy, self.teacher.accuracy), (r10, self.teacher.r10))
        return max([0.0, *((old - new) / old for new, old in pairs if old > 0)])

    @torch.no_grad()
    def _teacher(self, source: Source) -> Figures:
        answers = {
            view: of_head(source.head(view), described[self.choices[view].variants[-1]])
            for view, described in self.described.items()
        }
        return Figures(self._accuracy(answers), self.recall(answers), 0.0)

    @torch.no_grad()
    def _accuracy(self, answers: Mapping[str, Answers]) -> float:
        experts, present = [], []
        for view in VIEWS:
            scores = answers[view].scores
            padded = torch.cat([scores, scores.new_zeros(1, scores.shape[1])])  # -1 finds it
            experts.append(padded[self.index[view]])
            present.append(self.index[view] >= 0)
        fused, _ = self.fusion(torch.stack(experts, 1), torch.stack(present, 1))
        known = self.label >= 0
        if not bool(known.any()):
            return 0.0
        return float((fused.argmax(1) == self.label)[known].double().mean())

    def recall(self, answers: Mapping[str, Answers]) -> float:
        """Speech -> text recall at 10, mean over languages."""
        found = []
        for queries, candidates, right_QK in self.pools:
            similar_QK = answers[ASKS].vectors[queries] @ answers[ANSWERS].vectors[candidates].T
            best_Q1 = similar_QK.masked_fill(~right_QK, -torch.inf).amax(1, keepdim=True)
            # Ties count against us, as in models.metrics.ranks.
            ahead_Q = (similar_QK.masked_fill(right_QK, -torch.inf) >= best_Q1).sum(1)
            found.append(float((ahead_Q < DEPTH).double().mean()))
        return float(np.mean(found)) if found else 0.0


@torch.no_grad()
def of_head(head: View, described: Described) -> Answers:
    """What the trained model's own head says about contents."""
    pairs = zip(torch.split(described.whole, 512), torch.split(described.detail, 512), strict=True)
    found = [
        (head.expert(whole.float()), torch.nn.functional.normalize(head.project(detail.float())))
        for whole, detail in pairs
    ]
    return Answers(torch.cat([s for s, _ in found]), torch.cat([v for _, v in found]))


def _pools(index: Mapping[str, Tensor], language: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """For each language: distinct queries, distinct candidates, and which of them are right."""
    pools = []
    for spoken in torch.unique(language).tolist():
        both = (language == spoken) & (index[ASKS] >= 0) & (index[ANSWERS] >= 0)
        if not bool(both.any()):
            continue
        queries, query = torch.unique(index[ASKS][both], return_inverse=True)
        candidates, candidate = torch.unique(index[ANSWERS][both], return_inverse=True)
        right = torch.zeros(len(queries), len(candidates), dtype=torch.bool)
        right[query, candidate] = True
        pools.append((queries, candidates, right))
    return pools
