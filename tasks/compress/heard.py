"""Recordings that were listened to before: what the first layers of Whisper say, from the cache.

Training keeps the features of every depth. A head that learns behind some first layers need not
hear thousands of clips once more.
"""

import torch
from torch import Tensor

from models.compression.student import Pooled, ViewModel
from tasks.compress.source import Source


def heard(module: ViewModel, source: Source) -> Tensor | None:
    """What a view's encoder says of every recording, (A, S, D); None where no cache knows.

    Args:
        module: any view; only one whose encoder is the first layers of the teacher's, every number
            as it was, is known.
        source: teacher and cache.
    """
    ours, theirs = module.encoder, source.teacher.views["audio"].encoder
    if not (isinstance(ours, Pooled) and isinstance(theirs, Pooled)):
        return None
    whole = theirs.state_dict()
    same = all(
        name in whole and torch.equal(tensor, whole[name])
        for name, tensor in ours.state_dict().items()
    )
    if not same or ours.segments != theirs.segments:
        return None
    return source.depths()[:, len(ours.encoder.blocks) - 1]
