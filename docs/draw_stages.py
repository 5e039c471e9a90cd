"""Draw the stages and their files from dvc.yaml, so that the picture in the README never lies.

python docs/draw_stages.py          # writes docs/stages.svg
"""

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
WIDTH, MARGIN, GAP = 1000, 24, 34
CHIP, SPACE = 26, 8  # height of a file's label, and what is between two of them
BOX_LEFT, BOX_WIDTH = 370, 260
COLUMN = BOX_LEFT - MARGIN - 40
HEAD = 46
COLOURS = ("#0072B2", "#007A5A", "#B35900", "#9C4F80", "#3F6E9A", "#6B6B00", "#8A3B12", "#4C4C9D")

STYLE = """
text { font-family: system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; fill: #1d2329; }
.file { font: 11.5px ui-monospace, "DejaVu Sans Mono", monospace; }
.name { font-size: 17px; font-weight: 700; fill: #fff; }
.desc { font-size: 12px; fill: #fff; }
.head { font-size: 12px; fill: #5b6570; letter-spacing: .06em; }
.arrow { stroke: #5b6570; stroke-width: 1.6; fill: none; marker-end: url(#tip); }
"""


@dataclass(frozen=True)
class Stage:
    """What the drawing shows of a stage.

    Args:
        name: as in dvc.yaml.
        desc: one line on what it does.
        reads: files that earlier stages make.
        writes: files that it makes, metrics included.
    """

    name: str
    desc: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def read_stages(dvc: dict[str, Any]) -> list[Stage]:
    """The stages of a dvc.yaml, each after those whose files it reads."""
    written = {name: _written(stage) for name, stage in dvc["stages"].items()}
    makers = {path: name for name, paths in written.items() for path in paths}
    stages = {
        name: Stage(
            name=name,
            desc=stage["desc"],
            reads=tuple(path for path in _paths(stage, "deps") if path in makers),
            writes=tuple(written[name]),
        )
        for name, stage in dvc["stages"].items()
    }
    return _in_order(stages, makers)


def draw(stages: list[Stage]) -> str:
    """An SVG with a row for each stage: what it reads, what it does, what it writes."""
    colours = {
        path: COLOURS[place % len(COLOURS)]
        for place, stage in enumerate(stages)
        for path in stage.writes
    }
    parts: list[str] = []
    top, below = float(MARGIN + HEAD), None
    for place, stage in enumerate(stages):
        height = _height(stage)
        if below is not None:
            parts.append(_arrow(BOX_LEFT + BOX_WIDTH / 2, below, BOX_LEFT + BOX_WIDTH / 2, top))
        parts += _row(stage, top, height, COLOURS[place % len(COLOURS)], colours)
        below = top + height
        top = below + GAP
    height = top - GAP + MARGIN
    title = f"Stages of the pipeline: {', '.join(stage.name for stage in stages)}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="title">',
            f'<title id="title">{escape(title)}</title>',
            f"<style>{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#5b6570"/>'
            "</marker></defs>",
            f'<rect width="{WIDTH}" height="{height}" rx="12" fill="#ffffff"/>',
            *_headings(),
            *parts,
            "</svg>\n",
        ]
    )


def _in_order(stages: dict[str, Stage], makers: dict[str, str]) -> list[Stage]:
    ordered: dict[str, Stage] = {}
    while len(ordered) < len(stages):
        left = [stage for name, stage in stages.items() if name not in ordered]
        ready = [stage for stage in left if all(makers[path] in ordered for path in stage.reads)]
        if not ready:
            names = ", ".join(stage.name for stage in left)
            raise ValueError(f"stages read each other in a circle: {names}")
        ordered[ready[0].name] = ready[0]
    return list(ordered.values())


def _headings() -> list[str]:
    places = (
        (MARGIN, "start", "READS"),
        (BOX_LEFT + BOX_WIDTH / 2, "middle", "STAGE"),
        (BOX_LEFT + BOX_WIDTH + 40, "start", "WRITES"),
    )
    return [
        f'<text class="head" x="{x}" y="{MARGIN + 18}" text-anchor="{anchor}">{word}</text>'
        for x, anchor, word in places
    ]


def _row(
    stage: Stage, top: float, height: float, colour: str, colours: dict[str, str]
) -> list[str]:
    middle = top + height / 2
    parts = [
        f'<rect x="{BOX_LEFT}" y="{top}" width="{BOX_WIDTH}" height="{height}" rx="10" '
        f'fill="{colour}"/>',
        f'<text class="name" x="{BOX_LEFT + BOX_WIDTH / 2}" y="{middle - 8 * len(_lines(stage))}" '
        f'text-anchor="middle">{escape(stage.name)}</text>',
    ]
    for number, line in enumerate(_lines(stage)):
        y = middle - 8 * len(_lines(stage)) + 20 + 16 * number
        parts.append(
            f'<text class="desc" x="{BOX_LEFT + BOX_WIDTH / 2}" y="{y}" text-anchor="middle">'
            f"{escape(line)}</text>"
        )
    parts += _chips(stage.reads, MARGIN, middle, colours)
    parts += _chips(stage.writes, BOX_LEFT + BOX_WIDTH + 40, middle, colours)
    if stage.reads:
        parts.append(_arrow(BOX_LEFT - 36, middle, BOX_LEFT, middle))
    if stage.writes:
        edge = BOX_LEFT + BOX_WIDTH
        parts.append(_arrow(edge, middle, edge + 36, middle))
    return parts


def _chips(
    paths: tuple[str, ...], left: float, middle: float, colours: dict[str, str]
) -> list[str]:
    """One label per file, in the colour of the stage that makes it."""
    top = middle - (len(paths) * (CHIP + SPACE) - SPACE) / 2
    parts = []
    for number, path in enumerate(paths):
        y = top + number * (CHIP + SPACE)
        parts += [
            f'<rect x="{left}" y="{y}" width="{COLUMN}" height="{CHIP}" rx="5" fill="#f4f5f7"/>',
            f'<rect x="{left}" y="{y}" width="5" height="{CHIP}" rx="2" fill="{colours[path]}"/>',
            f'<text class="file" x="{left + 14}" y="{y + 17.5}">{escape(path)}</text>',
        ]
    return parts


def _height(stage: Stage) -> float:
    files = max(len(stage.reads), len(stage.writes))
    return max(files * (CHIP + SPACE) + SPACE, 48 + 16 * len(_lines(stage)))


def _lines(stage: Stage) -> list[str]:
    """The description in lines that fit into the box."""
    lines = [""]
    for word in stage.desc.split():
        if len(lines[-1]) + len(word) > 38:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<path class="arrow" d="M{x} {y} L{to_x} {to_y}"/>'


def _written(stage: dict[str, Any]) -> list[str]:
    return [path for kind in ("outs", "metrics", "plots") for path in _paths(stage, kind)]


def _paths(stage: dict[str, Any], kind: str) -> list[str]:
    """Paths of one kind; DVC writes a path alone, or as a key with its settings."""
    if kind not in stage:
        return []
    return [next(iter(one)) if isinstance(one, dict) else one for one in stage[kind]]


def main(source: Path = ROOT / "dvc.yaml", target: Path = ROOT / "docs" / "stages.svg") -> None:
    """Read dvc.yaml and write the drawing beside this file."""
    dvc = yaml.safe_load(source.read_text(encoding="utf-8"))
    target.write_text(draw(read_stages(dvc)), encoding="utf-8")
    print(target, file=sys.stderr)


if __name__ == "__main__":
    main()
