"""Which layer was running, and what it called, when tracing failed: read from the traceback."""

import traceback

from torch import nn
from torch.overrides import resolve_name


def blame(error: BaseException, module: nn.Module) -> tuple[str, str]:
    """Path of the innermost layer that was running, and the operator that failed in it.

    Args:
        error: raised while `module` was traced.
        module: whose layers are looked for.

    Returns:
        ("" where it was the module itself, the operator's name or else the error's first line).
    """
    paths = {id(layer): path for path, layer in module.named_modules()}
    holder, operator = "", ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        held = frame.f_locals.get("self")
        if id(held) in paths:
            holder, operator = paths[id(held)], ""
        elif frame.f_code.co_name == "__torch_function__" and not operator:
            function = frame.f_locals.get("func")
            operator = resolve_name(function) or getattr(function, "__name__", "")
    said = str(error).strip().splitlines()
    return holder, operator or f"way to do this: {said[0] if said else type(error).__name__}"
