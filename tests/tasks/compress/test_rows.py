"""Which states share a measurement: those whose time cannot differ."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from tasks.compress.rows import shape


def state(module: nn.Module, **settings: int) -> Any:
    student = SimpleNamespace(settings=settings, tokenizer=None, views={"audio": module})
    return SimpleNamespace(student=student)


def test_zeros_and_other_numbers_change_no_shape() -> None:
    dense, sparse = nn.Linear(4, 4), nn.Linear(4, 4)
    with torch.no_grad():
        sparse.weight[:2] = 0.0

    assert shape(state(dense, image_pixels=96)) == shape(state(sparse, image_pixels=96))


def test_sizes_precision_layers_and_inputs_do() -> None:
    plain = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    others = [
        state(nn.Sequential(nn.Linear(4, 5), nn.ReLU()), image_pixels=96),
        state(nn.Sequential(nn.Linear(4, 4), nn.ReLU()).half(), image_pixels=96),
        state(nn.Sequential(nn.Linear(4, 4), nn.GELU()), image_pixels=96),
        state(plain, image_pixels=128),
    ]

    assert len({shape(found) for found in [state(plain, image_pixels=96), *others]}) == 5
