"""Which layer was running, and what it called last, when tracing failed."""

from typing import Any

from torch import nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils.hooks import RemovableHandle


class Blame(TorchFunctionMode):
    """Watches a module while it runs; after an error, `path` and `operator` name the culprit.

    Args:
        module: what is about to run inside the `with`.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.path = ""
        self.operator = "(nothing was called)"
        self._running: list[str] = []
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> "Blame":
        for path, layer in self.module.named_modules():
            self._hooks.append(layer.register_forward_pre_hook(self._entered(path)))
            self._hooks.append(layer.register_forward_hook(self._left))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        for hook in self._hooks:
            hook.remove()
        if self._running:
            self.path = self._running[-1]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = resolve_name(func) or getattr(func, "__name__", str(func))
        # Shapes and devices are asked all the time and never the reason.
        if not name.endswith(("__get__", ".size", ".dim")):
            self.operator = name
        return func(*args, **(kwargs or {}))

    def _entered(self, path: str) -> Any:
        def note(*_: Any) -> None:
            self._running.append(path)

        return note

    def _left(self, *_: Any) -> None:
        self._running.pop()
