"""Parameters by dotted name: MLflow has no nesting."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def flat(params: BaseModel, prefix: str = "") -> dict[str, Any]:
    """`train.model.width` style names and their values.

    Args:
        params: a section of params.yaml.
        prefix: what stands before each name.
    """
    named: dict[str, Any] = {}
    for name, value in params:
        if isinstance(value, BaseModel):
            named |= flat(value, f"{prefix}{name}.")
        else:
            named[f"{prefix}{name}"] = value
    return named


def leaves(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The same for settings as plain values, as DVC and the log hold them.

    Args:
        values: settings, nested by sections.
        prefix: what stands before each name.
    """
    named: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            named |= leaves(value, f"{prefix}{name}.")
        else:
            named[f"{prefix}{name}"] = value
    return named
