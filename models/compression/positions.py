"""A position table as long as clips can be: the rest of it is never read.

Whisper's table reaches over 30 s. A model that cuts its clips earlier carries the end of the table
for nothing, and quantisers leave the table in float.
"""

import copy
import math

from torch import nn

from models.compression.student import ViewModel
from models.encoders.audio_frontend import RATE
from models.encoders.audio_whisper import POSITION, TAIL, WhisperEncoder


def crop_positions(module: ViewModel, *, seconds: float) -> ViewModel:
    """A copy that answers clips of up to so many seconds exactly as before; others not at all.

    Args:
        module: any view; one without such a table comes back as it is.
        seconds: of the longest clip, without the silence that is put after it.
    """
    needed = math.ceil((seconds * RATE + TAIL) / POSITION) + 1
    held = [part for part in module.modules() if isinstance(part, WhisperEncoder)]
    if all(len(part.positions) <= needed for part in held):
        return module
    made = copy.deepcopy(module)
    for part in made.modules():
        if isinstance(part, WhisperEncoder):
            part.positions = nn.Parameter(part.positions[:needed].clone(), requires_grad=False)
    return made
