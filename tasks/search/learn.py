"""Train the supernets of all views, side by side: a view needs nothing from another."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import torch
from torch import Tensor

from models.batches import VIEWS
from models.search.supernet import Settings, Supernet, teach
from tasks.params.search import SearchParams
from tasks.progress import say
from tasks.search.judge import of_head
from tasks.search.source import Source
from tasks.search.views import Elastic
from tasks.train.fit import reproducible


def learn(
    source: Source, views: Mapping[str, Elastic], params: SearchParams
) -> dict[str, Supernet]:
    """View to its trained supernet; the same arguments give the same weights.

    Each view learns on one core, from the contents of training rows, their labels and what the
    trained model says about them.
    """
    nets = {view: blank(source, elastic) for view, elastic in views.items()}
    with reproducible(1), ThreadPoolExecutor(max_workers=cpu_count() or 1) as pool:
        jobs = [
            pool.submit(_teach, nets[view], source, elastic, params, place)
            for place, (view, elastic) in enumerate(views.items())
        ]
        for job in jobs:
            job.result()
    return nets


def blank(source: Source, elastic: Elastic) -> Supernet:
    """A view's supernet before it learns: the trained model's head in every variant."""
    head = source.head(elastic.view)
    with torch.random.fork_rng(devices=[]):
        net = Supernet(
            variants=elastic.variants,
            hidden=elastic.hidden,
            whole=head.tower.whole,
            detail=head.tower.detail,
            classes=len(source.model.spec.classes),
            width=source.model.spec.width,
        )
    net.start_from(head)
    return net


def _teach(
    net: Supernet, source: Source, elastic: Elastic, params: SearchParams, place: int
) -> None:
    contents = source.contents(elastic.view, source.train)
    described = elastic.only(contents)
    if len(contents) < 2:
        net.eval()
        return
    curve = teach(
        net,
        described,
        label_K=labels(source, elastic.view, contents),
        targets=of_head(source.head(elastic.view), described[elastic.variants[-1]]),
        settings=Settings(**params.supernet.model_dump()),
        seed=params.seed * len(VIEWS) + place,
    )
    told = f"loss {curve[0]:.2f} to {curve[-1]:.2f}"
    say(f"supernet of {elastic.view}: {len(contents)} contents, {told}")


def labels(source: Source, view: str, contents: Tensor) -> Tensor:
    """Class of each content, that of its first training row; -1 where it has none."""
    place = source.examples.place[view][source.train]
    label = source.examples.label[source.train]
    found = torch.full((len(contents),), -1)
    index = {content: i for i, content in enumerate(contents.tolist())}
    for row in reversed(range(len(place))):
        if (content := int(place[row])) in index:
            found[index[content]] = label[row]
    return found
