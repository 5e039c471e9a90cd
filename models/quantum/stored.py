"""A head as bytes and JSON, and back: weights in safetensors, circuit and settings beside them.

Nothing is pickled: reading a head from elsewhere runs no code of it.
Format of the weights: https://github.com/huggingface/safetensors.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from models.quantum.circuit import exactly, from_dict, to_dict
from models.quantum.head import HeadConfig, QuantumHead

FORMAT, VERSION = "cairn-quantum-head", 1
KINDS: dict[str, type] = {
    **dict.fromkeys(("features", "classes", "qubits", "layers"), int),
    **dict.fromkeys(("entangle", "normalise"), bool),
    "options": dict,
}
"""Types of settings that `HeadConfig` does not look at."""


def store(head: QuantumHead) -> tuple[bytes, dict[str, Any]]:
    """Weights as safetensors, and what JSON holds: settings and circuit."""
    weights = {name: value.detach().contiguous() for name, value in head.state_dict().items()}
    description = {
        "format": FORMAT,
        "version": VERSION,
        "config": dataclasses.asdict(head.config),
        "circuit": to_dict(head.circuit),
    }
    return safetensors.torch.save(weights), description


def restore(weights: bytes, description: Mapping[str, Any]) -> QuantumHead:
    """The head that `store` took apart, bit by bit the same.

    Raises:
        ValueError: another format or version, keys that are missing or too many, settings that
            make another circuit than the one stored, or weights that do not fit or are not finite.
    """
    fields = exactly(description, {"format", "version", "config", "circuit"}, "a quantum head")
    if (fields["format"], fields["version"]) != (FORMAT, VERSION):
        raise ValueError(
            f"{fields['format']!r} version {fields['version']!r}: this code reads {FORMAT!r} "
            f"version {VERSION}"
        )
    names = {one.name for one in dataclasses.fields(HeadConfig)}
    config = _config(exactly(fields["config"], names, "a quantum head's config"))
    head = QuantumHead(config, seed=0)
    if from_dict(fields["circuit"]) != head.circuit:
        raise ValueError("a quantum head: its config makes another circuit than the one stored")
    head.load_state_dict(_weights(weights, head))
    return head.eval()


def _config(fields: Mapping[str, Any]) -> HeadConfig:
    for name, kind in KINDS.items():
        if type(fields[name]) is not kind:
            raise ValueError(
                f"a quantum head's config: {name} must be {kind.__name__}, not {fields[name]!r}"
            )
    return HeadConfig(**fields)


def _weights(weights: bytes, head: QuantumHead) -> dict[str, torch.Tensor]:
    try:
        found: dict[str, torch.Tensor] = safetensors.torch.load(weights)
    except SafetensorError as error:
        raise ValueError(f"a quantum head's weights are no safetensors: {error}") from error
    own = head.state_dict()
    exactly(found, set(own), "a quantum head's weights")
    for name, needed in own.items():  # a file's order is not the same every time
        value = found[name]
        if (value.shape, value.dtype) != (needed.shape, needed.dtype):
            raise ValueError(
                f"a quantum head's {name!r} is {tuple(value.shape)} of {value.dtype}, "
                f"needed is {tuple(needed.shape)} of {needed.dtype}"
            )
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"a quantum head's {name!r} has values that are not finite")
    return found
