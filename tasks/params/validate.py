"""Section `validate` of params.yaml: what a manifest must satisfy before training."""

from typing import Annotated, Self

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from tasks.params.base import Section, Share


class ShareBounds(Section):
    """Lowest and highest share allowed, both included."""

    min: Share
    max: Share


class SecondsBounds(Section):
    """Shortest and longest duration allowed in seconds, both included."""

    min: NonNegativeFloat
    max: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class PixelBounds(Section):
    """Shortest and longest image side allowed in pixels, both included."""

    min: PositiveInt
    max: PositiveInt


class ValidateParams(Section):
    """Bounds of the validation suite."""

    min_rows: PositiveInt
    """A smaller manifest fails, whatever else it holds."""
    class_share: ShareBounds
    """Share of the class rows that any one class may hold."""
    seconds: SecondsBounds
    """Duration of each clip."""
    image_side: PixelBounds
    """Width and height of each image."""
    min_quality: Share
    """Lowest overall quality score of a row; a row without a score fails too."""
    max_missing: Share
    """Share of rows that may lack the image, the sound or the text."""

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Self:
        for name in ("class_share", "seconds", "image_side"):
            bounds = getattr(self, name)
            if bounds.min >= bounds.max:
                raise ValueError(
                    f"`validate.{name}.min` ({bounds.min}) must be below "
                    f"`validate.{name}.max` ({bounds.max})"
                )
        return self
