"""Pictures of the rounds: curves of every client, seconds in the field, who gained."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from models.federated.devices import Spent
from tasks.train.figures.style import BLUE, GREEN, LINE, ORANGE, PALE, PINK, canvas, headline, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NAMES = 30
"""Clients beyond these are drawn without names."""


def curves_figure(curves: Sequence[tuple[int, Mapping[str, float]]]) -> "Figure":
    """Training loss and accuracy, one pale line a client, the mean in front."""
    figure, axes = canvas(10, 4, nrows=1, ncols=2)
    for axis, name, what in zip(
        axes,
        ("train_loss", "val_accuracy"),
        ("training loss", "accuracy on own validation rows"),
        strict=True,
    ):
        clients = sorted({k for _, v in curves for k in v if k.endswith(f".{name}")})
        for key in clients:
            points = [(step, v[key]) for step, v in curves if key in v]
            mean = key.startswith("mean.")
            axis.plot(
                *zip(*points, strict=True),
                color=BLUE if mean else PALE,
                lw=2.4 if mean else 1.0,
                zorder=3 if mean else 2,
                label="mean of all" if mean else None,
            )
        label(axis, "round", what)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(axis="y", color=LINE, lw=0.6)
        if clients:
            axis.legend(frameon=False)
    headline(
        figure,
        "Rounds: every client and their mean",
        "Accuracy is that of the weights which a client was sent at the start of the round.",
    )
    return figure


def timeline_figure(spent: Sequence[Spent], names: Sequence[str], kinds: Sequence[str]) -> "Figure":
    """What each round would take in the field: down, work and up, client by client.

    Rounds follow each other; a round ends with its slowest client.
    """
    height = 1.8 + 0.32 * min(len(names), 60)
    figure, axis = canvas(11, height)
    start, shown = 0.0, set()
    rounds = sorted({one.round for one in spent if one.round})
    for number in rounds:
        parts = [one for one in spent if one.round == number]
        for one in parts:
            left = start
            for seconds, colour, what in (
                (one.download, GREEN, "download"),
                (one.work, BLUE, "training"),
                (one.upload, ORANGE, "upload"),
            ):
                what_once = None if what in shown else what
                shown.add(what)
                axis.barh(one.partition, seconds, left=left, color=colour, label=what_once)
                left += seconds
            if one.outcome != "taken":
                axis.plot(left, one.partition, marker="x", color=PINK, ms=6, mew=2)
        start += max((one.seconds for one in parts), default=0.0)
        axis.axvline(start, color=LINE, lw=0.8, zorder=0)
    if len(names) <= MOST_NAMES:
        axis.set_yticks(
            range(len(names)),
            [f"{name} ({kind})" for name, kind in zip(names, kinds, strict=True)],
        )
    axis.invert_yaxis()
    label(axis, "seconds in the field", "client")
    axis.legend(frameon=False, ncols=3, loc="upper right", bbox_to_anchor=(1.0, 1.12))
    headline(
        figure,
        f"{len(rounds)} rounds would take {start / 60:.1f} minutes on these devices",
        "Simulated: bytes as sent over the device's bandwidth, and rows over its speed. A cross: "
        "gave up, was away or too slow. Vertical lines: the end of a round.",
    )
    return figure


def fairness_figure(own: Sequence[Mapping[str, Any]]) -> "Figure":
    """The global model and each client's own version, on test rows of each client."""
    figure, axes = canvas(11, 4.2, nrows=1, ncols=2)
    places = np.arange(len(own))
    for axis, name, what in zip(
        axes, ("accuracy", "r10"), ("accuracy of the category", "speech to text, R@10"), strict=True
    ):
        before = np.array([one[name] for one in own])
        after = np.array([one[f"own_{name}"] for one in own])
        axis.vlines(places, before, after, color=LINE, lw=2)
        axis.plot(places, before, "o", color=BLUE, ms=8, label="global model")
        axis.plot(places, after, "o", color=ORANGE, ms=8, label="own version")
        axis.axhline(np.nanmean(before), color=BLUE, lw=0.8, ls="--")
        axis.grid(axis="y", color=LINE, lw=0.6)
        axis.set_xticks(places, [one["client"] for one in own] if len(own) <= MOST_NAMES else [])
        label(axis, "client", what)
    axes[1].legend(frameon=False, loc="lower right", ncols=2, bbox_to_anchor=(1.0, 1.0))
    headline(
        figure,
        "What each client gets, and what learning on alone adds",
        "On test rows of each client. Dashed: mean of the global model over clients.",
    )
    return figure
