"""Examine every file of a source once, on all processors, and tell good rows from bad."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from tasks.ingest.examine import Flaw, ImageFacts, SoundFacts, examine_image, examine_sound
from tasks.ingest.source import Gathered, Row
from tasks.progress import track

Found = TypeVar("Found", ImageFacts | Flaw, SoundFacts | Flaw)


@dataclass(frozen=True)
class SetAside:
    """A row that cannot be used, with the reason."""

    id: str
    label: str
    language: str
    file: str | None
    reason: str
    detail: str


@dataclass(frozen=True)
class Looked:
    """Rows that are good, what is known of their files by path, and the rows that are not."""

    rows: Sequence[Row]
    images: Mapping[str, ImageFacts]
    sounds: Mapping[str, SoundFacts]
    aside: Sequence[SetAside]


def look(found: Gathered, svg_pixels: int) -> Looked:
    """Decode and measure all media.

    Args:
        found: what the source holds.
        svg_pixels: longest side of rendered drawings.

    Returns:
        every row exactly once, as good or as set aside, each sorted by id.
    """
    rows = sorted(found.rows, key=lambda row: row.id)
    images = _each(
        {row.image for row in rows if row.image},
        partial(examine_image, svg_pixels=svg_pixels),
        found.root,
        "looking at images",
    )
    sounds = _each(
        {row.audio for row in rows if row.audio}, examine_sound, found.root, "listening to sounds"
    )
    aside = [bad for row in rows if (bad := _flaw(row, images, sounds))]
    ids = {bad.id for bad in aside}
    return Looked(
        rows=[row for row in rows if row.id not in ids],
        images={path: facts for path, facts in images.items() if isinstance(facts, ImageFacts)},
        sounds={path: facts for path, facts in sounds.items() if isinstance(facts, SoundFacts)},
        aside=aside,
    )


def _each(
    paths: set[str], examine: Callable[[Path], Found], root: Path, what: str
) -> dict[str, Found]:
    """Results by path; the order of the workers has no influence on them."""
    ordered = sorted(paths)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(examine, [root / path for path in ordered])
        return dict(zip(ordered, track(results, len(ordered), what), strict=True))


def _flaw(
    row: Row,
    images: Mapping[str, ImageFacts | Flaw],
    sounds: Mapping[str, SoundFacts | Flaw],
) -> SetAside | None:
    """The first thing that is wrong with a row."""
    verdict = partial(SetAside, row.id, row.label, row.language)
    for path, found in ((row.image, images), (row.audio, sounds)):
        if path and isinstance(flaw := found[path], Flaw):
            return verdict(path, flaw.reason, flaw.detail)
    if not (row.image or row.audio or row.text):
        return verdict(None, "empty row", "it has no text, no image and no sound")
    return None
