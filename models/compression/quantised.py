"""What a quantisation hands back, and the refusal to quantise twice.

A second rounding on top of the first adds its own error and saves nothing, so it is an error, not a
no-op: a recipe that says it twice means something else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.compression.student import ViewModel

HALVES = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Quantised:
    """A quantised view, with everything that its numbers do not show.

    Args:
        module: in evaluation mode; the one that was given is unchanged.
        skipped: layers that stayed as they were, path to the reason.
        notes: what a person should know, one sentence each: fall-backs, what is not smaller.
    """

    module: ViewModel
    skipped: Mapping[str, str]
    notes: tuple[str, ...]


class AlreadyQuantisedError(ValueError):
    """A module that was quantised before; names the technique, the tensor and what to do."""


def refuse_quantised(module: nn.Module, technique: str) -> None:
    """Let only full-precision modules pass.

    Raises:
        AlreadyQuantisedError: a tensor is half precision, of integers, or torchao's.
    """
    for name, tensor in tensors_of(module):
        found = storage(tensor)
        if found is not None:
            view = f"view {module.view}, " if isinstance(module, ViewModel) else ""
            raise AlreadyQuantisedError(
                f"{technique}: {view}{name} is {found} already: start from the module before that "
                "step, or leave one of the two out of the recipe"
            )


def storage(tensor: Tensor) -> str | None:
    """How a quantised tensor is stored; None for full precision and for plain counters."""
    if inner(tensor):
        return type(tensor).__name__
    if tensor.dtype in (*HALVES, torch.int8, torch.uint8):
        return str(tensor.dtype).removeprefix("torch.")
    return None


def inner(tensor: Tensor) -> dict[str, Tensor]:
    """The plain tensors inside a tensor subclass, such as torchao's; none in a plain tensor."""
    if type(tensor) in (Tensor, nn.Parameter) or not hasattr(tensor, "__tensor_flatten__"):
        return {}
    names: list[str] = tensor.__tensor_flatten__()[0]
    return {name: getattr(tensor, name) for name in names}


def tensors_of(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """What `state_dict` would hold: the form that is stored, by name."""
    yield from module.state_dict().items()


def matrices(module: nn.Module) -> Iterator[tuple[str, str]]:
    """Parameters of two axes or more: path of the layer (or of the parameter, where it is not
    called `weight`), and the layer's class."""
    for path, layer in module.named_modules():
        for name, own in layer.named_parameters(recurse=False):
            if own.ndim > 1:
                owner = path if name == "weight" else f"{path}.{name}"
                yield owner.removeprefix("."), type(layer).__name__


def memory_bytes(module: nn.Module) -> int:
    """Bytes that a module's weights take in memory, each storage counted once.

    A tensor subclass tells the size of what it stands for; here its inner tensors are counted.
    """
    seen: dict[int, int] = {}
    for tensor in [*module.parameters(), *module.buffers()]:
        for part in inner(tensor).values() or (tensor,):
            seen[part.untyped_storage().data_ptr()] = part.untyped_storage().nbytes()
    return sum(seen.values())
