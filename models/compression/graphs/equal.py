"""Does the graph say what the module says? Asked before anything is built on it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from models.compression.graphs.graph import ExportError, Graph
from models.compression.graphs.session import Session

NAMES = ("first", "second")


def check_equal(
    graph: Graph,
    module: nn.Module,
    samples: Sequence[tuple[Tensor, ...]],
    *,
    tolerance: float,
) -> float:
    """Compare the answers of a graph and of the module that it was made from.

    Args:
        graph: exported.
        module: a ViewModel, or the fusion.
        samples: inputs, each a batch.
        tolerance: largest difference allowed, as a share of the largest answer of torch (or of 1
            where that is smaller).

    Returns:
        The largest difference found, in the same measure.

    Raises:
        ExportError: it is above the tolerance, shapes differ, or the graph cannot answer at all;
            names the view.
    """
    if not samples:
        raise ExportError(f"{graph.view}: no samples to compare the graph and torch on")
    session, worst = Session(graph), 0.0
    for number, inputs in enumerate(samples):
        with torch.no_grad():
            expected = module(*inputs)
        try:
            found = session(*inputs)
        except Exception as error:  # of two runtimes, which have no common class
            raise ExportError(f"{graph.view}: sample {number} cannot be asked: {error}") from error
        for ours, theirs in zip(found, expected, strict=True):
            told = theirs.numpy()
            if ours.shape != told.shape:
                raise ExportError(
                    f"{graph.view}: sample {number}: shape {ours.shape}, torch says {told.shape}"
                )
            if not ours.size:
                continue
            scale = max(float(np.abs(told).max()), 1.0)
            difference = float(np.abs(ours - told).max()) / scale
            worst = max(worst, difference) if difference == difference else float("inf")
    if worst > tolerance:
        raise ExportError(
            f"{graph.view}: {graph.format} and torch differ by {worst:.2g} on {len(samples)} "
            f"samples; allowed is {tolerance:.2g}"
        )
    return worst
