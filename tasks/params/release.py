"""The `release:` section of params.yaml: when a model may go out, and when it becomes champion."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, StringConstraints

from tasks.params.base import Section

MetricName = Annotated[str, StringConstraints(min_length=1)]
"""A figure of the train stage's metrics.json: its keys from the outside in, joined by dots."""


class GateParams(Section):
    """Limits that every released model keeps; the stage fails at the first that is broken."""

    at_least: dict[MetricName, float]
    at_most: dict[MetricName, float]


class PromotionParams(Section):
    """When a candidate takes the champion's place."""

    level: Annotated[float, Field(gt=0.0, lt=1.0)]
    """The candidate must be better with a one-sided p value of at most this."""
    draws: Annotated[PositiveInt, Field(ge=100)]
    """Sign flips drawn for the p value; where all of them are no more than this, it is exact."""
    seed: int
    on_new_test_split: Literal["keep", "promote"]
    """What to do where the champion was tested on other clips, so that no pairs can be formed."""


class ReleaseParams(Section):
    """When a model may be registered and how it is named."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Of the registered model in MLflow."""
    licence: Annotated[str, StringConstraints(min_length=1)]
    """Of the weights, as the model card states it."""
    resamples: Annotated[PositiveInt, Field(ge=100)]
    """Bootstrap resamples behind the card's accuracy by language."""
    gate: GateParams
    promotion: PromotionParams
