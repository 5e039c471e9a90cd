"""Training on a grid: what it gains, what it keeps, and when it refuses."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional as F

from models.compression.answers import Answers
from models.compression.calibration import Calibration, CalibrationError, ask
from models.compression.half import bf16
from models.compression.plain import plain
from models.compression.qat import QatDivergedError, QatError, Rounded, qat
from models.compression.quantised import AlreadyQuantisedError
from models.compression.reload import numbers, reload
from models.compression.rounding import fits, nearest
from models.compression.student import ViewModel

Make = Callable[[str], ViewModel]
Samples = Callable[..., Calibration]

LAYERS = {8: (nn.Linear, nn.Conv1d, nn.Conv2d), 7: (nn.Linear, nn.Conv1d, nn.Conv2d), 4: nn.Linear}


def rounded(module: ViewModel, bits: int) -> ViewModel:
    """The module with the same layers rounded, and no training."""
    made = copy.deepcopy(module)
    for layer in made.modules():
        if isinstance(layer, LAYERS[bits]) and fits(layer.weight, bits):
            layer.weight.data = nearest(layer.weight.data, bits)
    return made


def distance(module: ViewModel, calibration: Calibration) -> float:
    """To the teacher's answers: squared error of scores and of vectors."""
    targets = calibration.targets
    assert targets is not None
    found = ask(module, calibration)
    return float(
        (found.scores - targets.scores).square().mean()
        + (found.vectors - targets.vectors).square().sum(-1).mean()
    )


@pytest.mark.parametrize(("view", "bits", "epochs"), [("audio", 4, 6), ("image", 7, 5)])
def test_closer_to_the_teacher_than_rounding_alone(
    view: str, bits: int, epochs: int, view_model: Make, samples: Samples
) -> None:
    teacher = view_model(view)
    calibration = samples(view, count=48, teacher=teacher)
    done = qat(teacher, calibration, bits=bits, epochs=epochs, learning_rate=1e-4, seed=3)
    untrained = rounded(teacher, bits)
    unseen = samples(view, count=24, seed=9, teacher=teacher)
    for data in (calibration, unseen):
        assert distance(done.module, data) < 0.9 * distance(untrained, data)
    # What comes out is on the grid: a runtime that rounds to it changes nothing.
    again = rounded(done.module, bits)
    for path, tensor in done.module.state_dict().items():
        assert torch.allclose(again.state_dict()[path], tensor, rtol=1e-6, atol=0), path


def test_labels_alone_can_be_learned(view_model: Make, samples: Samples) -> None:
    module = view_model("image")
    data = samples("image")
    label = torch.arange(len(data)) % 3
    label[0] = -1  # no class: ignored
    data = replace(data, label=label)
    done = qat(module, data, bits=8, epochs=10, learning_rate=1e-2, seed=3)

    def loss(of: ViewModel) -> float:
        return float(F.cross_entropy(ask(of, data).scores[1:], label[1:]))

    assert loss(done.module) < 0.9 * loss(module)


def test_same_seed_same_bytes(view_model: Make, samples: Samples) -> None:
    teacher = view_model("image")
    data = samples("image", count=40, teacher=teacher)  # three batches: their order matters

    def made(seed: int) -> bytes:
        done = qat(teacher, data, bits=7, epochs=2, learning_rate=1e-4, seed=seed)
        return safetensors.torch.save(plain(done.module))

    torch.manual_seed(1)
    first = made(3)
    torch.manual_seed(2)
    assert made(3) == first
    assert made(4) != first


def test_a_plain_module_comes_out(view_model: Make, samples: Samples) -> None:
    teacher = view_model("image")
    before = {path: tensor.clone() for path, tensor in teacher.state_dict().items()}
    data = samples("image", teacher=teacher)
    done = qat(teacher, data, bits=8, epochs=1, learning_rate=1e-4, seed=3)
    assert all(torch.equal(teacher.state_dict()[path], before[path]) for path in before)
    assert list(done.module.state_dict()) == list(before)
    assert {type(layer) for layer in done.module.modules()} == {
        type(layer) for layer in teacher.modules()
    }
    assert not done.module.training
    assert not any(own.requires_grad for own in done.module.parameters())
    # Statistics of norms are those of the teacher.
    assert torch.equal(
        done.module.get_buffer("encoder.1.running_mean"), before["encoder.1.running_mean"]
    )
    back = reload(teacher, done.module.state_dict(), numbers(done.module))
    for got, wanted in zip(back(*data.inputs[0]), done.module(*data.inputs[0]), strict=True):
        assert torch.equal(got, wanted)


def test_it_is_never_worse_than_rounding_alone(view_model: Make, samples: Samples) -> None:
    teacher = view_model("image")
    data = samples("image", teacher=teacher)
    # A rate that ruins everything: epoch 0 wins.
    done = qat(teacher, data, bits=8, epochs=1, learning_rate=0.9, seed=3)
    wanted = rounded(teacher, 8).state_dict()
    for path, tensor in done.module.state_dict().items():
        assert torch.equal(tensor, wanted[path])
    assert done.notes[0].endswith("in epoch 0")


def test_gradients_pass_as_if_nothing_were_rounded() -> None:
    weight = torch.randn(3, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)
    factor = torch.arange(24.0).view(3, 8)
    found = Rounded(bits=8)(weight)
    assert torch.equal(found, nearest(weight.detach(), 8))
    torch.autograd.backward((found * factor).sum())
    # torch's own fake quantisation has the same gradient inside of its range.
    alike = weight.detach().clone().requires_grad_(True)
    scale = (alike.abs().amax(1) / 127).detach()
    zeros = torch.zeros(3, dtype=torch.int32)
    whole = torch.fake_quantize_per_channel_affine(alike, scale, zeros, 0, -127, 127)
    torch.autograd.backward((whole * factor).sum())
    assert weight.grad is not None
    assert alike.grad is not None
    assert torch.equal(weight.grad, alike.grad)


def test_what_is_not_rounded_is_named(view_model: Make, samples: Samples) -> None:
    teacher = view_model("audio")
    data = samples("audio", teacher=teacher)
    done = qat(teacher, data, bits=4, epochs=1, learning_rate=1e-4, seed=3)
    assert done.skipped == {
        "encoder.encoder.conv1": "Conv1d is not rounded to 4 bits",
        "encoder.encoder.conv2": "Conv1d is not rounded to 4 bits",
        "encoder.encoder.positions": "WhisperEncoder is not rounded to 4 bits",
        "head.project.5": "16 inputs are no multiple of 32",
    }


def test_bad_input_is_refused(view_model: Make, samples: Samples) -> None:
    teacher = view_model("image")
    data = samples("image", teacher=teacher)
    settings = {"bits": 8, "epochs": 1, "learning_rate": 1e-4, "seed": 3}

    def run(module: ViewModel, calibration: Calibration, **changed: float) -> None:
        qat(module, calibration, **{**settings, **changed})  # type: ignore[arg-type]

    with pytest.raises(AlreadyQuantisedError, match=r"qat: view image, .* is bfloat16 already"):
        run(bf16(teacher, flags=()).module, data)
    with pytest.raises(ValueError, match="bits=3: allowed are 4, 7, 8"):
        run(teacher, data, bits=3)
    with pytest.raises(ValueError, match=r"epochs=0, learning_rate=0\.0001: epochs are 1 or more"):
        run(teacher, data, epochs=0)
    with pytest.raises(CalibrationError, match="1 samples of calibration data"):
        run(teacher, samples("image", count=1, teacher=teacher))
    with pytest.raises(QatError, match="neither targets nor labels to learn from"):
        run(teacher, samples("image"))
    unknown = replace(samples("image"), label=torch.full((12,), -1))
    with pytest.raises(QatError, match="neither targets nor labels to learn from"):
        run(teacher, unknown)
    broken = Answers(torch.full((12, 3), math.nan), torch.ones(12, 8))
    with pytest.raises(QatError, match="the loss is nan before any training"):
        run(teacher, replace(data, targets=broken))


class Steep(nn.Module):
    """Overflows where its one layer grows."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 32)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.exp(80 * self.layer(pixels.mean((2, 3)) / 255)).square()


def test_a_loss_that_explodes_is_told(view_model: Make, samples: Samples) -> None:
    module = view_model("image")
    steep = Steep()
    steep.layer.weight.data.fill_(0.1)
    steep.layer.bias.data.fill_(0.0)
    module.encoder = steep
    data = replace(samples("image"), label=torch.arange(12) % 3)
    with pytest.raises(QatDivergedError, match=r"view image: the loss became nan in epoch 1 .*0.9"):
        qat(module, data, bits=8, epochs=1, learning_rate=0.9, seed=3)
