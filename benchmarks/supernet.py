"""Does the supernet rank small students as training each of them alone would?

    python -m benchmarks.supernet          # prints the answer, writes docs/results/supernet.json

The view is audio: its choices (layers of Whisper, hidden units) decide retrieval. Quality is
speech -> text recall at 10 on validation rows, among the trained model's own texts. Each of some
architectures drawn at random is trained alone, as long as the supernet was, from the same start;
Kendall's tau compares both orders. The interval resamples architectures. It needs a workspace in
which the train stage has run (CAIRN_ROOT).
"""

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau

from benchmarks.table import keep, show
from models.search.supernet import Settings, Supernet, teach
from tasks.params import load_params
from tasks.params.search import SearchParams
from tasks.search.judge import ANSWERS, ASKS, Judge, of_head
from tasks.search.learn import blank, labels
from tasks.search.source import Source, read_source
from tasks.search.views import Elastic, elastic_views
from tasks.train.fit import reproducible
from tasks.workspace import Workspace

SEEDS = (0, 1, 2)
ARCHITECTURES = 12
RESAMPLES = 2000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--steps", type=int, help="of the optimiser; those of params.yaml if absent"
    )
    parser.add_argument("--keep", default="supernet", help="name of the results")
    given = parser.parse_args()
    workspace = Workspace.here()
    params = load_params(workspace.params_file).search
    source = read_source(workspace)
    views = elastic_views(source, workspace, params.space)
    settings = Settings(**params.supernet.model_dump())
    settings = replace(settings, steps=given.steps or settings.steps)
    with reproducible(1):
        inside, alone = _both(source, views, params, settings)
    results = _summary(inside, alone, settings.steps)
    keep(given.keep, results)
    lines = [[name, f"{results[name]:.3f}"] for name in ("tau", "tau_low", "tau_high", "noise_tau")]
    show("Supernet against training alone", ["figure", "value"], lines)


def _both(
    source: Source, views: dict[str, Elastic], params: SearchParams, settings: Settings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall (seeds, architectures) inside the supernet and trained alone."""
    elastic = views[ASKS]
    every = [(variant, hidden) for variant in elastic.variants for hidden in elastic.hidden]
    drawn = np.random.default_rng(params.seed).permutation(len(every))[:ARCHITECTURES]
    inside: list[list[float]] = []
    alone: list[list[float]] = []
    for seed in SEEDS:
        net = _taught(source, elastic, settings, seed)
        inside.append([_recall(source, views, net, *every[i]) for i in drawn])
        alone.append([])
        for i in drawn:
            variant, hidden = every[i]
            one = replace(elastic, hidden=[hidden], described={variant: elastic.described[variant]})
            net = _taught(source, one, settings, seed, teacher=elastic)
            alone[-1].append(_recall(source, views, net, variant, hidden))
    return np.array(inside), np.array(alone)


def _taught(
    source: Source, elastic: Elastic, settings: Settings, seed: int, teacher: Elastic | None = None
) -> Supernet:
    net = blank(source, elastic)
    contents = source.contents(elastic.view, source.train)
    whole = (teacher or elastic).only(contents)
    teach(
        net,
        elastic.only(contents),
        label_K=labels(source, elastic.view, contents),
        targets=of_head(source.head(elastic.view), whole[(teacher or elastic).variants[-1]]),
        settings=settings,
        seed=seed,
    )
    return net


def _recall(
    source: Source, views: dict[str, Elastic], net: Supernet, variant: str, hidden: int
) -> float:
    nets = {view: blank(source, elastic).eval() for view, elastic in views.items()}
    judge = Judge(source, views, nets | {ASKS: net}, source.validation)
    texts = views[ANSWERS]
    answers = {
        ASKS: judge.said(ASKS, variant, hidden),
        ANSWERS: of_head(source.head(ANSWERS), judge.described[ANSWERS][texts.variants[-1]]),
    }
    return judge.recall(answers)


def _summary(inside: NDArray[np.float64], alone: NDArray[np.float64], steps: int) -> dict[str, Any]:
    """Tau of the means over seeds with its interval; and of training alone with other seeds."""
    rng = np.random.default_rng(0)
    ours, theirs = inside.mean(0), alone.mean(0)
    drawn = rng.integers(len(ours), size=(RESAMPLES, len(ours)))
    taus = [float(kendalltau(ours[rows], theirs[rows]).statistic) for rows in drawn]
    low, high = np.nanquantile(taus, [0.025, 0.975])
    return {
        "tau": float(kendalltau(ours, theirs).statistic),
        "tau_low": float(low),
        "tau_high": float(high),
        "noise_tau": float(kendalltau(alone[0], alone[1]).statistic),
        "inside": inside.tolist(),
        "alone": alone.tolist(),
        "steps": steps,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
