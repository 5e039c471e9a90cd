"""Features that the cache knows stand for what a cut encoder would say, or are not taken."""

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from models.compression.layers import keep_layers
from models.compression.student import Pooled, ViewModel
from models.encoders.audio_whisper import WhisperEncoder
from models.encoders.pooling import pool_segments
from tasks.compress.heard import heard

SEGMENTS = 2


@pytest.fixture
def mel() -> torch.Tensor:
    return torch.randn(3, 80, 20, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def positions() -> torch.Tensor:
    return torch.tensor([10, 7, 4])


@pytest.fixture
def whole() -> ViewModel:
    torch.manual_seed(0)
    encoder = Pooled(WhisperEncoder(width=64, layers=3), segments=SEGMENTS)
    return ViewModel(view="audio", encoder=encoder, head=torch.nn.Identity()).eval()  # type: ignore[arg-type]  # no head is asked


@pytest.fixture
def source(whole: ViewModel, mel: torch.Tensor, positions: torch.Tensor) -> Any:
    """The cache holds what one pass through all blocks says after each of them."""
    encoder: Any = whole.encoder
    said, whisper = [], encoder.encoder
    with torch.no_grad():
        x = torch.nn.functional.gelu(whisper.conv1(mel))
        x = torch.nn.functional.gelu(whisper.conv2(x)).transpose(1, 2)
        x = x + whisper.positions[: x.shape[1]]
        for block in whisper.blocks:
            x = block(x)
            said.append(pool_segments(whisper.norm(x), positions, SEGMENTS))
    teacher = SimpleNamespace(views={"audio": whole})
    return SimpleNamespace(teacher=teacher, depths=lambda: torch.stack(said, 1))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_first_layers_are_known(
    layers: int, whole: ViewModel, source: Any, mel: torch.Tensor, positions: torch.Tensor
) -> None:
    cut: Any = keep_layers(whole, keep=layers, which="first")

    with torch.no_grad():
        expected = cut.encoder(mel, positions)
    found = heard(cut, source)
    assert found is not None
    torch.testing.assert_close(found, expected)


def test_other_layers_and_other_numbers_are_not_known(whole: ViewModel, source: Any) -> None:
    changed: Any = copy.deepcopy(whole)
    with torch.no_grad():
        changed.encoder.encoder.conv1.weight.mul_(1.5)

    assert heard(keep_layers(whole, keep=[0, 2], which="first"), source) is None
    assert heard(changed, source) is None


def test_a_view_whose_encoder_is_no_whisper_is_not_known(whole: ViewModel, source: Any) -> None:
    other = ViewModel(view="audio", encoder=None, head=whole.head)

    assert heard(other, source) is None
