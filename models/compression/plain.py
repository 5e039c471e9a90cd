"""Quantised modules as plain tensors, for safetensors, and back: no pickle on the way.

torchao keeps a quantised weight as one tensor that is more than its numbers: integers, scales, and
how to round activations. Here it becomes several by name: `x.weight.int8_static`, whose name says
how it computes, with `x.weight.scale` and `x.weight.input_scale`. int4 values are packed, two a
byte. Everything else, half precision included, is stored as the state dict has it.
"""

from collections.abc import Collection, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from models.compression.half import wake
from models.compression.quantised import HALVES, inner
from models.compression.reload import reload
from models.compression.student import ViewModel
from models.compression.torchao_int import quiet

SCHEMES = ("int8_weight_only", "int8_dynamic", "int8_static", "int4")
"""Last parts of the names under which integers are stored."""


class PlainError(ValueError):
    """Tensors that have no plain form, or plain tensors that do not belong together."""


def plain(module: nn.Module) -> dict[str, Tensor]:
    """A module's state dict without tensor subclasses.

    Raises:
        PlainError: it holds a subclass other than those that `torchao_int8` and `_int4` make.
    """
    tensors: dict[str, Tensor] = {}
    for name, tensor in module.state_dict().items():
        found = _apart(name, tensor) if inner(tensor) else {name: tensor.detach()}
        tensors |= {part: value.contiguous() for part, value in found.items()}
    return tensors


def plain_bytes(module: nn.Module) -> int:
    """Bytes of the tensors in the file that `plain` makes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in plain(module).values())


def joined(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict that `plain` took apart.

    Raises:
        PlainError: integers lack their scale, or a static layer its input's.
    """
    state = dict(tensors)
    for name in tensors:
        owner, _, scheme = name.rpartition(".")
        if scheme in SCHEMES:
            state[owner] = _together(owner, scheme, state)
    return state


def read(
    base: ViewModel,
    tensors: Mapping[str, Tensor],
    counts: Mapping[str, int],
    *,
    flags: Collection[str],
) -> ViewModel:
    """The module that `plain` took apart, ready to run.

    Args:
        base: as it was built before compression; unchanged.
        tensors: of the file.
        counts: what `reload.numbers` said of the module.
        flags: of the processor, as Linux names them; half precision asks for them.

    Raises:
        PlainError: integers lack their scales.
        ReloadError: the tensors fit no shape of the base.
    """
    module = cast(ViewModel, reload(base, joined(tensors), counts))
    halves = any(tensor.dtype in HALVES for tensor in tensors.values())
    return wake(module, flags=flags).module if halves else module


def pack(values: Tensor) -> Tensor:
    """int8 (..., 2 K) within -8..7 to uint8 (..., K): the first of two in the lower four bits."""
    low, high = values[..., ::2].to(torch.uint8), values[..., 1::2].to(torch.uint8)
    return (low & 15) | ((high & 15) << 4)


def unpack(packed: Tensor) -> Tensor:
    """The inverse of `pack`."""
    both = torch.stack([packed & 15, packed >> 4], -1).flatten(-2).to(torch.int8)
    return torch.where(both > 7, both - 16, both)


def _apart(name: str, tensor: Tensor) -> dict[str, Tensor]:
    held: Any = tensor
    kind = type(tensor).__name__
    zeros = inner(tensor).get("zero_point")
    if zeros is not None and bool(zeros.any()):
        raise PlainError(f"{name}: its zero points are not 0; only symmetric weights have a form")
    if kind == "IntxUnpackedToInt8Tensor" and held.target_dtype is torch.int4:  # type: ignore[attr-defined]  # torch's types lack it
        return {f"{name}.int4": pack(held.qdata), f"{name}.scale": held.scale}
    if kind != "Int8Tensor":
        raise PlainError(f"{name}: {kind} has no plain form; use torchao_int8 or torchao_int4")
    if held.act_quant_scale is not None:
        found = {"int8_static": held.qdata, "input_scale": held.act_quant_scale}
    elif held.act_quant_kwargs is not None:
        found = {"int8_dynamic": held.qdata}
    else:
        found = {"int8_weight_only": held.qdata}
    return {f"{name}.{part}": value for part, value in {**found, "scale": held.scale}.items()}


def _together(name: str, scheme: str, state: dict[str, Tensor]) -> Tensor:
    """One weight from its parts, which leave the state dict."""
    with quiet():
        from torchao.quantization import Int8Tensor, IntxUnpackedToInt8Tensor, PerRow, PerTensor
        from torchao.quantization.quantize_.workflows import QuantizeTensorToInt8Kwargs
    values = state.pop(f"{name}.{scheme}")
    wanted = ("scale", "input_scale") if scheme == "int8_static" else ("scale",)
    try:
        scale, *of_inputs = [state.pop(f"{name}.{part}") for part in wanted]
    except KeyError as missing:
        raise PlainError(f"{missing} is missing beside {name}.{scheme}") from None
    zeros = torch.zeros_like(scale, dtype=torch.int8)
    made: Tensor
    if scheme == "int4":
        values = unpack(values)
        made = IntxUnpackedToInt8Tensor(
            qdata=values,
            scale=scale,
            zero_point=zeros,
            target_dtype=torch.int4,  # type: ignore[attr-defined]  # torch's types lack it
            block_size=(1, values.shape[1] // scale.shape[1]),
            dtype=scale.dtype,
            activation_quantization=None,
        )
        return made
    inputs = {
        "int8_weight_only": None,
        "int8_dynamic": QuantizeTensorToInt8Kwargs(granularity=PerRow()),
        "int8_static": QuantizeTensorToInt8Kwargs(granularity=PerTensor()),
    }
    made = Int8Tensor(
        qdata=values,
        scale=scale,
        block_size=[1, values.shape[1]],
        dtype=scale.dtype,
        zero_point=zeros,
        act_quant_scale=of_inputs[0] if of_inputs else None,
        act_quant_kwargs=inputs[scheme],
    )
    return made
