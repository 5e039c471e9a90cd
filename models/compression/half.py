"""Half precision: weights stored in two bytes instead of four, as float16 or bfloat16.

What is stored and what computes are two things. The state dict is always in half. In memory the
matrices are in half only where the processor multiplies in that format; elsewhere they are widened
at load and compute in float32: emulated bfloat16 was measured at 0.06x to 0.9x the speed of what it
replaces. There the file is half the size, and neither speed nor memory changes.

Source: bfloat16: Kalamkar et al. 2019, https://arxiv.org/abs/1905.12322; float16: IEEE 754-2008
binary16. Rounding changes a weight by at most half of `torch.finfo(dtype).eps`, relatively.
"""

import copy
from collections.abc import Collection
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.compression.quantised import HALVES, Quantised, inner, refuse_quantised
from models.compression.student import ViewModel

NATIVE = {
    torch.float16: ("avx512_fp16", "amx_fp16", "asimdhp"),
    torch.bfloat16: ("avx512_bf16", "amx_bf16", "bf16"),
}
"""Processor flags, as Linux names them, that mean arithmetic in this format: x86, then ARM."""

MATRICES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Embedding)
"""Layers that compute in half where the processor can; norms keep float32 for their sums."""


class Stored(ViewModel):
    """A view whose state dict is in half precision. Made by `fp16`, `bf16` and `wake`.

    Args:
        source: its parts are taken, not copied.
        dtype: of the state dict.
        native: whether the matrices are in half in memory, too, and compute so.
        kept: names of the state dict that stay in float32.
    """

    def __init__(
        self, source: ViewModel, *, dtype: torch.dtype, native: bool, kept: Collection[str]
    ) -> None:
        super().__init__(view=source.view, encoder=source.encoder, head=source.head)
        self.dtype, self.native, self.kept = dtype, native, frozenset(kept)
        self.register_state_dict_post_hook(_narrow)  # type: ignore[no-untyped-call]  # torch's

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """As the view's own, in float32 from outside."""
        if not self.native:
            return super().forward(*inputs)
        with torch.autocast("cpu", dtype=self.dtype):
            scores, vectors = super().forward(*inputs)
        # Unit length in half precision is 1 give or take eps; retrieval wants it exact.
        return scores.float(), F.normalize(vectors.float(), dim=-1)


def fp16(module: ViewModel, *, flags: Collection[str]) -> Quantised:
    """Store a view as float16; tensors with values beyond 65504 stay float32.

    Args:
        module: in float32; unchanged.
        flags: of the processor that will run it, as Linux names them, such as `avx512_fp16`.

    Raises:
        AlreadyQuantisedError: the module is not in full precision.
    """
    refuse_quantised(module, "fp16")
    return _stored(module, torch.float16, flags)


def bf16(module: ViewModel, *, flags: Collection[str]) -> Quantised:
    """Store a view as bfloat16; arguments and errors as `fp16`."""
    refuse_quantised(module, "bf16")
    return _stored(module, torch.bfloat16, flags)


def wake(module: ViewModel, *, flags: Collection[str]) -> Quantised:
    """Make a view run whose tensors were read from a half-precision file.

    Args:
        module: as `reload` gives it, with tensors in half; unchanged.
        flags: of the processor that will run it.

    Raises:
        ValueError: nothing in it is in half precision, or there are both formats.
    """
    held = {tensor.dtype for tensor in module.state_dict().values()} & set(HALVES)
    if len(held) != 1:
        found = ", ".join(sorted(map(str, held))) or "no tensor in half precision"
        raise ValueError(f"view {module.view}: {found}; exactly one half format can be woken")
    return _stored(module, held.pop(), flags)


def _stored(module: ViewModel, dtype: torch.dtype, flags: Collection[str]) -> Quantised:
    native = any(flag in flags for flag in NATIVE[dtype])
    made = copy.deepcopy(module)
    # Widening first makes both ways in the same: fresh weights, and those read from a file.
    made.float()
    names = made.state_dict()
    kept = {name for name, tensor in names.items() if not _fits(tensor, dtype)}
    for path, layer in made.named_modules():
        for part, tensor in _own(layer):
            name = f"{path}.{part}"
            # Buffers that no file holds, such as fixed filters, stay exact.
            if name in names and name not in kept and tensor.is_floating_point():
                narrow = tensor.data.to(dtype)
                tensor.data = narrow if native and isinstance(layer, MATRICES) else narrow.float()
    stored = Stored(made, dtype=dtype, native=native, kept=kept).eval().requires_grad_(False)
    notes = () if native else (_fallback(dtype),)
    return Quantised(
        stored, dict.fromkeys(sorted(kept), f"holds values beyond {_name(dtype)}"), notes
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _fallback(dtype: torch.dtype) -> str:
    return (
        f"{_name(dtype)}: this processor has none of {', '.join(NATIVE[dtype])}: weights are "
        "stored in it and computed with in float32; the file is half the size, memory and speed "
        "are the same"
    )


def _own(layer: nn.Module) -> list[tuple[str, Tensor]]:
    return [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]


def _fits(tensor: Tensor, dtype: torch.dtype) -> bool:
    """Whether all that is finite stays finite. Small numbers may become 0, as they do anywhere."""
    if inner(tensor) or not tensor.is_floating_point():
        return True
    return torch.equal(tensor.to(dtype).isfinite(), tensor.isfinite())


def _narrow(module: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
    stored = cast(Stored, module)  # nobody else registers this hook
    for name, tensor in state.items():
        mine = name.startswith(prefix) and name.removeprefix(prefix) not in stored.kept
        if mine and tensor.is_floating_point():
            state[name] = tensor.to(stored.dtype)
