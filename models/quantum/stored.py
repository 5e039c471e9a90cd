"""A head's configuration as JSON types: enough to build it again beside its weights.

Weights are plain tensors (safetensors); the circuit follows from the configuration, so that nothing
has to be pickled, and no PennyLane object is ever stored.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from models.quantum.head import HeadConfig

VERSION = 1


def plain(config: HeadConfig) -> dict[str, Any]:
    """A configuration as JSON types; `from_plain` reads it."""
    values = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    return {**values, "options": dict(config.options), "version": VERSION}


def from_plain(told: Mapping[str, Any]) -> HeadConfig:
    """The configuration that `plain` wrote.

    Raises:
        ValueError: another version, a key too many or too few, or values that no head can have.
    """
    values = dict(told)
    if (found := values.pop("version", None)) != VERSION:
        raise ValueError(
            f"version {found!r} of a stored head: this code reads {VERSION}; train it again or use "
            "the release of Cairn that wrote it"
        )
    names = {field.name for field in dataclasses.fields(HeadConfig)}
    if set(values) != names:
        wrong = sorted(set(values) ^ names)
        raise ValueError(f"stored head: keys {', '.join(wrong)} are unknown or missing")
    return HeadConfig(**values)
