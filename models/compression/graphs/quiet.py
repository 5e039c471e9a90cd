"""Keep the chatter of exporters and quantisers from the user."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

NOISY = (
    "torch.onnx",
    "torch.export",
    "torch.utils._pytree",
    "torch.fx",
    "torchao",
    "onnxscript",
    "onnx_ir",
    "nncf",
    "onnxruntime.quantization",
)
"""Loggers that tell of things nobody can act on: missing optional packages, renamed axes."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Errors only, no progress bars, and logging left as it was found.

    ONNX Runtime's int4 quantiser configures the root logger when it is imported.
    """
    root = logging.getLogger()
    root.addFilter(_serious)  # its quantisers warn through the root logger, too
    handlers, level = list(root.handlers), root.level
    loggers = [logging.getLogger(name) for name in NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeFilter(_serious)
        root.handlers[:] = handlers
        root.setLevel(level)
        for logger, before in zip(loggers, levels, strict=True):
            logger.setLevel(before)


def _serious(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
