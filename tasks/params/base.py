"""What all sections of params.yaml share: closed, frozen, strict types without defaults."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
"""A fraction of a whole, 0 to 1."""


class Section(BaseModel):
    """A part of params.yaml.

    Unknown keys are errors, values are not converted, instances do not change, and no field has a
    default: DVC sees only the YAML, so a default in Python would be a change that nobody sees.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
