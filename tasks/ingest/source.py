"""What a source of data is, and what it hands over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Row:
    """One clip as its source describes it; nothing about its files has been checked yet.

    Args:
        id: unique name.
        item: what the clip is of; several clips, one for each language, may share an item.
        group: items that must stay on one side of the split.
        language: code, "und" where it is not known.
        label: category.
        split: "train", "val" or "test" where the source decides that, else None.
        caption: in English, or None.
        text: in the row's language, or None.
        image: path from the source's root, or None.
        audio: path from the source's root, or None.
    """

    id: str
    item: str
    group: str
    language: str
    label: str
    split: str | None
    caption: str | None
    text: str | None
    image: str | None
    audio: str | None


@dataclass(frozen=True)
class Gathered:
    """All that a source holds.

    Args:
        root: folder that the paths in the rows start from.
        rows: the clips that the parameters ask for.
        facts: what the source says about itself, for the report: versions, counts before filtering.
        left_out: how many clips the parameters did not ask for, by reason.
        warnings: what everyone who reads a figure made from these data must know.
    """

    root: Path
    rows: Sequence[Row]
    facts: Mapping[str, str | int]
    left_out: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()


class Source(Protocol):
    """Where data come from. A fourth one needs these two methods and a line in open_source.py."""

    def fetch(self) -> Path | None:
        """Bring the raw file into place; None where an installed Python package holds the data.

        Raises:
            InputError: it cannot be had, or is not what was asked for.
        """
        ...

    def read(self, raw: Path | None, scratch: Path) -> Gathered:
        """Describe every clip.

        Args:
            raw: what `fetch` returned.
            scratch: an empty folder to unpack into; it is gone after the stage.

        Raises:
            InputError: the raw file is damaged or says something impossible.
        """
        ...
