"""Do scores that need no training foretell what training showed? Beside them: size and work."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.multimodal import View
from models.search.proxies import PROXIES
from tasks.search.judge import Judge, of_head
from tasks.search.learn import blank, labels
from tasks.search.source import Source
from tasks.search.study import Tried
from tasks.search.views import Elastic

BATCH = 32
"""Training contents that a proxy sees."""


class _Heads(nn.Module):
    """The heads of all views, before any training of their own, as one network."""

    def __init__(self, heads: Mapping[str, View]) -> None:
        super().__init__()
        self.experts = nn.ModuleList(head.expert for head in heads.values())
        self.projects = nn.ModuleList(head.project for head in heads.values())

    def forward(self, *inputs: Tensor) -> Tensor:
        """Whole and detail of each view in turn, to all scores and vectors side by side."""
        pairs = zip(self.experts, self.projects, inputs[::2], inputs[1::2], strict=True)
        return torch.cat(
            [part for e, p, whole, detail in pairs for part in (e(whole), p(detail))], 1
        )


def proxy_table(
    best: Sequence[Tried],
    source: Source,
    views: Mapping[str, Elastic],
    judge: Judge,
) -> dict[str, Any]:
    """Every proxy's score of each member of the front, and how well it ranks their quality.

    Spearman's correlation with accuracy and R@10 of the supernet's networks on validation rows;
    null where there are fewer than three members or a column is constant.
    """
    from scipy.stats import spearmanr

    batch = _Batch(source, views)
    rows = []
    for tried in best:
        figures = judge.figures(tried.config)
        scores = batch.scores(tried)
        rows.append(
            {"trial": tried.number, "accuracy": figures.accuracy, "r10": figures.r10} | scores
        )
    found: dict[str, Any] = {}
    for truth in ("accuracy", "r10"):
        right = [row[truth] for row in rows]
        found[truth] = {}
        for name in PROXIES:
            column = [row[name] for row in rows]
            flat = len(rows) < 3 or len(set(column)) == 1 or len(set(right)) == 1
            found[truth][name] = None if flat else float(spearmanr(column, right).statistic)
    return {"members": rows, "spearman": found}


class _Batch:
    """Some training contents of each view, and the heads as they are before they learn."""

    def __init__(self, source: Source, views: Mapping[str, Elastic]) -> None:
        self.source, self.views = source, views
        self.blank = {view: blank(source, elastic) for view, elastic in views.items()}
        contents = {view: source.contents(view, source.train) for view in views}
        count = min(BATCH, *map(len, contents.values()))
        contents = {view: found[:count] for view, found in contents.items()}
        self.described = {view: views[view].only(found) for view, found in contents.items()}
        self.label = {view: labels(source, view, found) for view, found in contents.items()}
        self.wanted = {
            view: of_head(source.head(view), found[views[view].variants[-1]]).vectors
            for view, found in self.described.items()
        }

    def scores(self, tried: Tried) -> dict[str, float]:
        """Every proxy's score of one configuration."""
        heads, inputs = {}, list[Tensor]()
        for view, elastic in self.views.items():
            variant, hidden = elastic.choice(tried.config)
            heads[view] = self.blank[view].subnet(
                variant, hidden, tower=self.source.head(view).tower, spec=self.source.model.spec
            )
            described = self.described[view][variant]
            inputs += [described.whole.float(), described.detail.float()]
        module = _Heads(heads)
        return {
            name: float(proxy(module, tuple(inputs), self._loss)) for name, proxy in PROXIES.items()
        }

    def _loss(self, output: Tensor) -> Tensor:
        """Category of the labelled contents, and likeness to the trained model's vectors."""
        classes = len(self.source.model.spec.classes)
        parts = []
        for view, mine in zip(self.views, output.chunk(len(self.views), 1), strict=True):
            scores, vectors = mine[:, :classes], F.normalize(mine[:, classes:], dim=1)
            known = self.label[view] >= 0
            if bool(known.any()):
                parts.append(F.cross_entropy(scores[known], self.label[view][known]))
            parts.append(1 - (vectors * self.wanted[view]).sum(1).mean())
        return torch.stack(parts).sum()
