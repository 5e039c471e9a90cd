"""Settings of a tiny search."""

import pytest

from tasks.params import SearchParams

TINY = {
    "seed": 3,
    "space": {
        "image_pixels": [32],
        "caption_layers": [6],
        "caption_tokens": [30522],
        "text_layers": [0, 1],
        "audio_layers": [4],
        "hidden": [4, 16],
    },
    "bits": 8,
    "repeats": 3,
    "supernet": {
        "steps": 6,
        "batch_size": 8,
        "subnets": 1,
        "learning_rate": 1e-2,
        "weight_decay": 0.0,
        "dropout": 0.1,
        "smoothing": 0.0,
        "temperature": 2.0,
        "sharpness": 10.0,
        "vectors": 1.0,
    },
    "trials": 7,
    "sampler": "surrogate",
    "workers": 1,
    "early": {"part": 0.5, "margin": 0.3},
}


@pytest.fixture
def params() -> SearchParams:
    return SearchParams(**TINY)
