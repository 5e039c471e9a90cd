"""Small views of two kinds, with random weights: convolutions over pixels, attention over sound."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from models.compression.calibration import Calibration, ask
from models.compression.student import Pooled, ViewModel
from models.encoders.audio_whisper import WhisperEncoder
from models.multimodal import View
from models.spec import Spec
from models.towers import Blocks, Segments

SIDE = 12
WIDTH = 64


def _image() -> tuple[nn.Module, Blocks]:
    encoder = nn.Sequential(
        nn.Conv2d(3, 32, 3, stride=2, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU6(),
        nn.Conv2d(32, 32, 3, groups=32, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return encoder, Blocks(sizes=[32], names=0)


def _audio() -> tuple[nn.Module, Segments]:
    encoder = WhisperEncoder(width=WIDTH, layers=2, positions=40)
    return Pooled(encoder, segments=2), Segments(segments=2, width=WIDTH)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """These modules are too small to share: a second thread only waits for the first."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def view_model(spec: Spec) -> Callable[[str], ViewModel]:
    def made(view: str) -> ViewModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            encoder, tower = {"image": _image, "audio": _audio}[view]()
            module = ViewModel(view=view, encoder=encoder, head=View(tower, spec))
        return module.eval().requires_grad_(False)

    return made


@pytest.fixture
def samples() -> Callable[..., Calibration]:
    """Samples of a view; with a teacher, what it says about them."""

    def made(
        view: str, *, count: int = 12, seed: int = 1, teacher: ViewModel | None = None
    ) -> Calibration:
        generator = torch.Generator().manual_seed(seed)
        inputs: list[tuple[torch.Tensor, ...]] = []
        for place in range(count):
            if view == "image":
                inputs.append((255 * torch.rand(1, 3, SIDE, SIDE, generator=generator),))
            else:
                frames = 24 + 4 * (place % 2)
                mel = torch.randn(1, 80, frames, generator=generator)
                inputs.append((mel, torch.tensor([frames // 2])))
        calibration = Calibration(view, inputs, None, None)
        if teacher is None:
            return calibration
        return Calibration(view, inputs, None, ask(teacher, calibration))

    return made
