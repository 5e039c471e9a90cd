"""torchaudio and transformers, made importable in one place.

torchaudio's wheel links CUDA and raises OSError where torch is a CPU build. All that we use of it
is pure Python, and it has a path for "no native library": we take that path. transformers imports
torchaudio when it is installed, so it must come second. Everybody else writes
`from models.foreign import torchaudio, transformers`; a direct import would work or fail
depending on who came first.
"""

import logging
import sys

# transformers imports torchao where it is installed; that one tells of missing GPU libraries.
for _name in ("torchao", "torch.utils._pytree"):
    logging.getLogger(_name).setLevel(logging.ERROR)

try:
    import torchaudio
except OSError:
    # The failed import leaves this helper module loaded; with its loader saying "no library",
    # torchaudio's own check takes the pure Python path.
    sys.modules["torchaudio._extension.utils"]._load_lib = lambda _: False  # type: ignore[attr-defined]  # private name, absent from the stubs
    import torchaudio

import transformers  # noqa: E402  # only now that the loggers are told

__all__ = ["torchaudio", "transformers"]
