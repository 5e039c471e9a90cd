"""What the data look like: a sheet of samples, and how many clips each label and language has."""

import io
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import blake3
import numpy as np

from tasks.ingest.examine import as_published
from tasks.ingest.look import Looked
from tasks.ingest.source import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SAMPLES = 15
COLUMNS = 5


def contact_sheet(looked: Looked, root: Path, svg_pixels: int, seed: int) -> "Figure":
    """A grid of samples: picture, label and language, caption, text, and the sound's curve."""
    # Imported here: matplotlib takes a second, and not every reader of this room draws.
    from matplotlib.figure import Figure

    chosen = choose(list(looked.rows), seed)
    lines = -(-len(chosen) // COLUMNS)
    height = 3.6 * lines
    figure = Figure(figsize=(3.0 * COLUMNS, height))
    axes = figure.subplots(2 * lines, COLUMNS, height_ratios=[3, 1] * lines, squeeze=False)
    # By hand: working out the layout of sixty axes takes longer than drawing them.
    top = 1 - 0.55 / height  # room for three lines of words
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=top, wspace=0.1, hspace=0.35)
    for axis in axes.flat:
        axis.axis("off")
    for place, row in enumerate(chosen):
        line, column = divmod(place, COLUMNS)
        picture, curve = axes[2 * line, column], axes[2 * line + 1, column]
        words = "\n".join(_short(text) for text in (row.caption, row.text) if text)
        # Captions name prices: without parse_math a "$" would start a formula.
        picture.set_title(f"{row.label} · {row.language}\n{words}", fontsize=8, parse_math=False)
        if row.image:
            _show_image(picture, root / row.image, svg_pixels)
        if row.audio:
            _show_sound(curve, root / row.audio)
    return figure


def heat_map(looked: Looked) -> "Figure":
    """Clips by label and language."""
    from matplotlib.figure import Figure

    counts = Counter((row.label, row.language) for row in looked.rows)
    labels, languages = (sorted({pair[side] for pair in counts}) for side in (0, 1))
    table = np.array([[counts[label, language] for language in languages] for label in labels])
    figure = Figure(
        figsize=(2 + 0.6 * len(languages), 1.5 + 0.35 * len(labels)), layout="constrained"
    )
    axis = figure.subplots()
    axis.imshow(np.log1p(table), cmap="Blues", aspect="auto")
    axis.set_xticks(range(len(languages)), languages)
    axis.set_yticks(range(len(labels)), labels)
    axis.set_title("Clips by label and language")
    middle = table.max() / 4
    for line, column in np.ndindex(table.shape):
        count = int(table[line, column])
        colour = "white" if count > middle else "black"
        axis.text(column, line, str(count), ha="center", va="center", fontsize=7, color=colour)
    return figure


def choose(rows: list[Row], seed: int) -> list[Row]:
    """Samples by lot, from all labels and languages in turn."""
    left = sorted(rows, key=lambda row: blake3.blake3(f"{seed}:{row.id}".encode()).digest())
    seen: Counter[tuple[str, str]] = Counter()
    chosen: list[Row] = []
    while left and len(chosen) < SAMPLES:
        row = min(left, key=lambda row: seen["label", row.label] + seen["language", row.language])
        left.remove(row)
        seen.update([("label", row.label), ("language", row.language)])
        chosen.append(row)
    return chosen


def _short(text: str) -> str:
    return text if len(text) <= 34 else f"{text[:33]}…"


def _show_image(axis: "Axes", path: Path, svg_pixels: int) -> None:
    from PIL import Image

    data: Any = io.BytesIO(as_published(path, path.read_bytes(), svg_pixels))
    with Image.open(data) as image:
        axis.imshow(np.asarray(image.convert("RGBA")))


def _show_sound(axis: "Axes", path: Path) -> None:
    import soundfile

    samples_NC, rate = soundfile.read(path, dtype="float32", always_2d=True)
    step = max(1, len(samples_NC) // 2000)
    curve = samples_NC[::step].mean(1)
    axis.plot(np.arange(len(curve)) * step / rate, curve, linewidth=0.5)
    axis.set_title(f"{len(samples_NC) / rate:.1f} s", fontsize=7, loc="right", y=0.9)
