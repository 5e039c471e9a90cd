"""Section `ingest` of params.yaml: where the data come from, what is kept, how they are split."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, StringConstraints, model_validator

from tasks.params.base import Section, Share

Name = Annotated[str, StringConstraints(min_length=1, pattern=r"^\S(.*\S)?$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}([_@-][A-Za-z0-9]+)*$")]
"""A code such as "fr" or "pt_BR". YAML reads a bare `no` as false: quote it."""


class StampsParams(Section):
    """The Debian package: which file, and how strictly."""

    deb: Name | None
    """A package file that you have already; null lets apt download it into data/raw."""
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][A-Za-z0-9.+~:-]*$")]
    """Version of the Debian package whose digest is pinned."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Digest of that package file; the signed Debian archive lists the same."""
    allow_other_version: bool
    """Take what apt offers or the given file is, without a pinned digest; its own is recorded."""


class FolderParams(Section):
    """Your own data."""

    manifest: Name
    """A .jsonl, .csv or .parquet; media paths in it are relative to its folder."""


class DigitsParams(Section):
    """Package-only data: how much of it."""

    clips_per_class: PositiveInt


class SplitParams(Section):
    """Share of the rows on each side."""

    train: Annotated[float, Field(gt=0.0, lt=1.0)]
    val: Annotated[float, Field(gt=0.0, lt=1.0)]
    test: Annotated[float, Field(gt=0.0, lt=1.0)]

    @model_validator(mode="after")
    def _is_a_whole(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1.0) > 1e-9:
            raise ValueError(
                f"`ingest.split.train` ({self.train}), `ingest.split.val` ({self.val}) and "
                f"`ingest.split.test` ({self.test}) must add up to 1.0, not {round(total, 9)}"
            )
        return self


class IngestParams(Section):
    """Source, what is kept of it, and the split."""

    seed: NonNegativeInt
    """Decides the split and the picture of samples, nothing else."""
    source: Literal["stamps", "folder", "digits"]
    stamps: StampsParams
    folder: FolderParams
    digits: DigitsParams
    labels: Annotated[list[Name], Field(min_length=2)]
    """The classes."""
    extra_labels: list[Name]
    """Kept beside the classes, for alignment only."""
    languages: Annotated[list[Language], Field(min_length=1)]
    """Clips in other languages are left out, and counted in the report."""
    svg_pixels: Annotated[int, Field(ge=16, le=4096)]
    """Longest side of a rendered SVG drawing."""
    split: SplitParams
    max_set_aside: Share
    """Share of the rows that may be set aside before the stage fails."""
    min_groups_per_label: Annotated[int, Field(ge=3)]
    """A class needs a group for each of train, val and test at the least."""

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        for name in ("labels", "extra_labels", "languages"):
            values = getattr(self, name)
            if twice := sorted({value for value in values if values.count(value) > 1}):
                raise ValueError(f"`ingest.{name}` lists {twice[0]!r} twice; keep one")
        if both := sorted(set(self.labels) & set(self.extra_labels)):
            raise ValueError(
                f"{both[0]!r} is in both `ingest.labels` and `ingest.extra_labels`; keep one"
            )
        return self
