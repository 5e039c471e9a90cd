"""How often the right counterpart is found, by language and direction."""

from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.train.figures.style import BLUE, INK, LINE, ORANGE, PALE, canvas, headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHARES = ("r1", "r5", "r10", "chance_r10")
HEADINGS = {
    "direction": "Direction",
    "language": "Language",
    "queries": "Queries",
    "candidates": "Candidates",
    "r1": "R@1",
    "r5": "R@5",
    "r10": "R@10",
    "chance_r10": "R@10 by chance",
}

LOOKS = """<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; }
table { border-collapse: collapse; }
caption { text-align: left; max-width: 42rem; padding-bottom: 1rem; }
th, td { padding: .25rem .9rem; border-bottom: 1px solid #8885; text-align: left; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
</style>"""


def retrieval_figure(retrieval: pd.DataFrame) -> "Figure":
    """Bars of R@1 over R@10 for each language, one panel for each direction.

    Args:
        retrieval: a row per direction and language, as `tasks.train.evaluate` makes them.
    """
    retrieval = _readable(retrieval)
    directions = list(dict.fromkeys(retrieval["direction"]))
    heights = [int((retrieval["direction"] == name).sum()) + 0.6 for name in directions]
    figure, panels = canvas(
        7.5,
        1.6 + 0.34 * sum(heights) + 0.45 * len(directions),
        nrows=len(directions),
        ncols=1,
        squeeze=False,
        sharex=True,
        height_ratios=heights,
    )
    for axes, name in zip(panels[:, 0], directions, strict=True):
        _panel(axes, name, retrieval[retrieval["direction"] == name])
    panels[0, 0].legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, fontsize=9
    )
    panels[-1, 0].set_xlabel("queries whose counterpart is found [%]", color=INK)
    headline(
        figure,
        _title(retrieval, directions[0]),
        "R@k: the right one is among the first k of all candidates; ties count as misses.",
    )
    return figure


def retrieval_page(retrieval: pd.DataFrame) -> str:
    """The same as an HTML table, for those who want the digits."""
    rows = "\n".join(_row(row) for row in _readable(retrieval).to_dict("records"))
    head = "".join(
        f'<th scope="col"{_align(name)}>{heading}</th>' for name, heading in HEADINGS.items()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Retrieval</title>\n'
        f"{LOOKS}</head><body>\n<table><caption>Share of the queries whose counterpart is among "
        "the first 1, 5 or 10 of all candidates of unseen groups.</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></body></html>\n"
    )


def _readable(retrieval: pd.DataFrame) -> pd.DataFrame:
    """Directions in words, and what drawing ten candidates at random would find."""
    return retrieval.assign(
        direction=retrieval["direction"].str.replace("_", " "),
        chance_r10=(10 / retrieval["candidates"]).clip(upper=1.0),
    )


def _panel(axes: "Axes", direction: str, rows: pd.DataFrame) -> None:
    ranked = rows.sort_values(["r1", "language"])
    places = range(len(ranked))
    axes.barh(places, 100 * ranked["r10"], height=0.72, color=PALE, label="R@10")
    axes.barh(places, 100 * ranked["r1"], height=0.4, color=BLUE, label="R@1")
    axes.plot(
        100 * ranked["chance_r10"],
        list(places),
        "|",
        color=ORANGE,
        markersize=13,
        markeredgewidth=2.5,
        label="R@10 by chance",
    )
    axes.set_yticks(places, ranked["language"])
    axes.set_xlim(0, 100)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_ylim(-0.8, len(ranked) - 0.2)
    axes.set_ylabel("language", color=INK)
    axes.set_title(direction, loc="left", fontsize=10, color=INK)


def _title(retrieval: pd.DataFrame, direction: str) -> str:
    rows = retrieval[retrieval["direction"] == direction]
    low, high = rows["candidates"].min(), rows["candidates"].max()
    candidates = f"{low}" if low == high else f"{low} to {high}"
    mean = f" (mean of {len(rows)} languages)" if len(rows) > 1 else ""
    return (
        f"{direction}: the right one of {candidates} comes first for {rows['r1'].mean():.0%} of "
        f"the queries and among ten for {rows['r10'].mean():.0%}{mean}"
    )


def _row(row: dict[Any, Any]) -> str:
    cells = [
        f"<td{_align(name)}>{row[name]:.3f}</td>"
        if name in SHARES
        else f"<td{_align(name)}>{escape(str(row[name]))}</td>"
        for name in HEADINGS
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _align(name: str) -> str:
    return "" if name in ("direction", "language") else ' class="number"'
