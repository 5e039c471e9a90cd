"""The `search:` section of params.yaml: what a student may be, and how the search goes about it."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic import model_validator as check

from tasks.params.base import Section, Share

Rising = Annotated[list[PositiveInt], Field(min_length=1)]
"""Rising numbers; the last is what the trained model has."""
Rate = Annotated[float, Field(gt=0.0, lt=1.0)]


class SpaceParams(Section):
    """What may be chosen, view by view; what the trained model does not have is left out.

    A list ends in what the trained model has: the search starts there and goes down.
    """

    image_pixels: Annotated[list[Annotated[int, Field(ge=32, le=512)]], Field(min_length=1)]
    """Side of the pictures that EfficientNet is shown."""
    caption_layers: Rising
    """First layers of MiniLM that stay."""
    caption_tokens: Rising
    """Word pieces that MiniLM knows."""
    text_layers: Annotated[list[NonNegativeInt], Field(min_length=1)]
    """First layers of the encoder of letters."""
    audio_layers: Rising
    """First layers of Whisper's encoder."""
    hidden: Rising
    """Hidden units of a view's head; each view has its own."""

    @check(mode="after")
    def _rising(self) -> Self:
        for name, values in self:
            if sorted(set(values)) != list(values):
                raise ValueError(f"`search.space.{name}` ({values}) must rise")
        return self


class SupernetParams(Section):
    """How all heads are trained at once."""

    steps: PositiveInt
    """Of the optimiser, for each view; a step trains the largest, the smallest and `subnets`."""
    batch_size: Annotated[int, Field(ge=2)]
    subnets: NonNegativeInt
    """Networks between the largest and the smallest that a step trains."""
    learning_rate: Rate
    """Its peak: warms up over a tenth of the steps, then falls as a cosine."""
    weight_decay: NonNegativeFloat
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)]
    smoothing: Annotated[float, Field(ge=0.0, lt=1.0)]
    """Of the labels."""
    temperature: PositiveFloat
    """Of the soft answers that the larger gives the smaller."""
    sharpness: PositiveFloat
    """Inverse temperature of the similarities that vectors are taught by."""
    vectors: NonNegativeFloat
    """Weight of the vectors beside the category."""


class EarlyParams(Section):
    """When a trial is given up."""

    part: Share
    """Share of the validation groups that a configuration is judged on first."""
    margin: NonNegativeFloat
    """Relative loss on them, beyond that of a trial that is as small and as fast, that is hopeless:
    what a part of the rows says differs from what all say."""


class SearchParams(Section):
    """Settings of the search stage."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    space: SpaceParams
    bits: Annotated[int, Field(ge=2, le=32)]
    """Bits that a weight is counted with."""
    repeats: Annotated[int, Field(ge=3)]
    """Times that each part is run to measure its latency; once for each class of machine."""
    supernet: SupernetParams
    trials: PositiveInt
    sampler: Literal["surrogate", "tpe", "nsga2", "random"]
    workers: PositiveInt
    """Trials at once; more than one runs them in Ray."""
    early: EarlyParams
