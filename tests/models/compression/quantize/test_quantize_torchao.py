"""torchao's integers against the formulas by hand, and as plain tensors in a file."""

from collections.abc import Callable

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional as F

from models.compression.calibration import Calibration, CalibrationError
from models.compression.plain import (
    PlainError,
    joined,
    pack,
    plain,
    plain_bytes,
    read,
    unpack,
)
from models.compression.quantised import AlreadyQuantisedError, Quantised, inner, memory_bytes
from models.compression.reload import numbers, reload
from models.compression.student import ViewModel
from models.compression.torchao_int import torchao_int4, torchao_int8

Make = Callable[[str], ViewModel]
Samples = Callable[..., Calibration]

WAYS = ("dynamic", "weight_only", "static", "int4")
LINEAR = "encoder.encoder.blocks.0.feed_in"


def quantised(way: str, module: ViewModel, samples: Samples) -> Quantised:
    if way == "int4":
        return torchao_int4(module)
    calibration = samples(module.view) if way == "static" else None
    return torchao_int8(module, mode=way, calibration=calibration)


def linear(module: nn.Module) -> nn.Linear:
    found = module.get_submodule(LINEAR)
    assert isinstance(found, nn.Linear)
    return found


def int8(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Integers and scales of each row, by hand: 255 steps from -127.5 to 127.5 scales.

    The largest lies halfway between two integers: its side depends on multiplying by 1 / scale.
    """
    scale = weight.abs().amax(1, keepdim=True) / 127.5
    return (weight * (1 / scale)).round().clamp(-128, 127), scale


def test_weight_only_is_the_formula(view_model: Make, samples: Samples) -> None:
    module = view_model("audio")
    weight, bias = linear(module).weight, linear(module).bias
    whole, scale = int8(weight)
    found = linear(quantised("weight_only", module, samples).module)
    x = torch.randn(3, 7, 64, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(found(x), F.linear(x, whole * scale, bias), atol=1e-5)
    # Closed form: the worst error of rounding to nearest is half a scale.
    assert bool(((found.weight.dequantize() - weight).abs() <= scale / 2 * (1 + 1e-4)).all())


def test_dynamic_rounds_each_row_of_the_inputs(view_model: Make, samples: Samples) -> None:
    module = view_model("audio")
    whole, scale = int8(linear(module).weight)
    found = linear(quantised("dynamic", module, samples).module)
    x = torch.randn(5, 64, generator=torch.Generator().manual_seed(1))
    x_whole, x_scale = int8(x)
    wanted = (x_whole @ whole.T) * x_scale * scale.T + linear(module).bias
    assert torch.allclose(found(x), wanted, atol=1e-5)


def test_static_takes_its_scale_from_the_calibration(view_model: Make, samples: Samples) -> None:
    module = view_model("audio")
    seen: list[torch.Tensor] = []
    handle = linear(module).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for inputs in samples("audio").inputs:
        module(*inputs)
    handle.remove()
    x_scale = max(x.abs().max() for x in seen) / 127
    whole, scale = int8(linear(module).weight)
    found = linear(quantised("static", module, samples).module)
    x = 3 * seen[0]  # partly out of range: cut off at the ends
    x_whole = (x * (1 / x_scale)).round().clamp(-128, 127)
    wanted = (x_whole @ whole.T) * x_scale * scale.T + linear(module).bias
    assert torch.allclose(found(x), wanted, atol=1e-5)


def test_int4_is_the_formula(view_model: Make, samples: Samples) -> None:
    weight = linear(view_model("audio")).weight
    groups = weight.view(len(weight), -1, 32)
    scale = groups.abs().amax(-1, keepdim=True) / 7.5  # 15 steps from -7.5 to 7.5 scales
    wanted = ((groups * (1 / scale)).round().clamp(-8, 7) * scale).view_as(weight)
    found = linear(quantised("int4", view_model("audio"), samples).module)
    assert torch.allclose(found.weight.dequantize(), wanted, atol=1e-7)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("view", ["image", "audio"])
def test_answers_stay_close(way: str, view: str, view_model: Make, samples: Samples) -> None:
    module = view_model(view)
    found = quantised(way, module, samples).module
    for inputs in samples(view, count=3).inputs:
        cosine = F.cosine_similarity(found(*inputs)[1], module(*inputs)[1]).item()
        assert cosine > (0.95 if way == "int4" else 0.998)
        assert cosine < 1 - 1e-9


@pytest.mark.parametrize("way", WAYS)
def test_comes_back_from_a_file(way: str, view_model: Make, samples: Samples) -> None:
    module = view_model("audio")
    done = quantised(way, module, samples).module
    tensors = plain(done)
    assert not any(inner(tensor) for tensor in tensors.values())
    file = safetensors.torch.save(tensors)
    back = read(module, safetensors.torch.load(file), numbers(done), flags=())
    reloaded = reload(module, done.state_dict(), numbers(done))
    for inputs in samples("audio", count=2).inputs:
        for got, alike, wanted in zip(back(*inputs), reloaded(*inputs), done(*inputs), strict=True):
            assert torch.equal(got, wanted)
            assert torch.equal(alike, wanted)
    assert safetensors.torch.save(plain(back)) == file
    assert safetensors.torch.save(plain(quantised(way, module, samples).module)) == file


def test_bytes_are_those_of_the_numbers(view_model: Make, samples: Samples) -> None:
    module = view_model("audio")
    whole = 4 * sum(tensor.numel() for tensor in module.state_dict().values())
    weights = [x.weight for x in module.modules() if isinstance(x, nn.Linear)]
    assert plain_bytes(module) == memory_bytes(module) == whole
    others = whole - 4 * sum(weight.numel() for weight in weights)
    eight = plain_bytes(quantised("dynamic", module, samples).module)
    # A byte a weight and a float32 a row.
    assert eight == others + sum(w.numel() + 4 * len(w) for w in weights)
    done = quantised("int4", module, samples)
    fitting = [weight for weight in weights if weight.shape[1] % 32 == 0]
    left = sum(4 * weight.numel() for weight in weights if weight.shape[1] % 32)
    # Half a byte a weight and a float32 for every 32 of them; in memory a byte, and zero points.
    assert plain_bytes(done.module) == others + left + sum(w.numel() * 5 // 8 for w in fitting)
    assert memory_bytes(done.module) == others + left + sum(
        w.numel() + w.numel() // 32 * 5 for w in fitting
    )
    assert "in memory each int4 value takes a byte" in done.notes[0]


def test_what_is_left_out_is_named(view_model: Make, samples: Samples) -> None:
    image = quantised("dynamic", view_model("image"), samples).skipped
    assert image == {
        "encoder.0": "torchao does not quantise Conv2d",
        "encoder.3": "torchao does not quantise Conv2d",
    }
    audio = quantised("int4", view_model("audio"), samples).skipped
    assert audio["encoder.encoder.positions"] == "torchao does not quantise WhisperEncoder"
    assert audio["head.project.5"] == "16 inputs are no multiple of 32"


def test_a_layer_that_calibration_never_reached_is_named(
    view_model: Make, samples: Samples
) -> None:
    module = view_model("audio")
    # Nothing but zeros behind this norm: no range can be told.
    norm = module.get_submodule("encoder.encoder.blocks.1.feed_norm")
    assert isinstance(norm, nn.LayerNorm)
    norm.weight.zero_()
    norm.bias.zero_()
    done = quantised("static", module, samples)
    reason = done.skipped["encoder.encoder.blocks.1.feed_in"]
    assert reason == "the calibration data gave it nothing but zeros"
    assert not inner(done.module.get_parameter("encoder.encoder.blocks.1.feed_in.weight"))


@pytest.mark.parametrize("first", WAYS)
def test_twice_is_refused(first: str, view_model: Make, samples: Samples) -> None:
    done = quantised(first, view_model("audio"), samples).module
    with pytest.raises(
        AlreadyQuantisedError, match=r"torchao_int8: view audio, encoder\S*weight is Int\w+ already"
    ):
        torchao_int8(done, mode="dynamic")


def test_modes_and_calibration_are_checked(view_model: Make, samples: Samples) -> None:
    module = view_model("audio")
    with pytest.raises(ValueError, match="mode='fast': allowed are dynamic, weight_only, static"):
        torchao_int8(module, mode="fast")
    with pytest.raises(ValueError, match="mode='static' needs calibration data"):
        torchao_int8(module, mode="static")
    with pytest.raises(CalibrationError, match="1 samples of calibration data"):
        torchao_int8(module, mode="static", calibration=samples("audio", count=1))
    with pytest.raises(CalibrationError, match="the calibration data is of view image"):
        torchao_int8(module, mode="static", calibration=samples("image"))


def test_the_given_module_is_unchanged(view_model: Make, samples: Samples) -> None:
    module = view_model("audio")
    before = {path: tensor.clone() for path, tensor in module.state_dict().items()}
    quantised("static", module, samples)
    assert all(torch.equal(module.state_dict()[path], before[path]) for path in before)
    assert not linear(module)._forward_pre_hooks


def test_two_int4_values_share_a_byte() -> None:
    # By hand: 1 is 0b0001 and -1 is 0b1111, the first in the lower bits; -8 is 0b1000.
    values = torch.tensor([[1, -1, -8, 7]], dtype=torch.int8)
    assert pack(values).tolist() == [[0b1111_0001, 0b0111_1000]]
    every = torch.cartesian_prod(torch.arange(-8, 8), torch.arange(-8, 8)).to(torch.int8)
    assert torch.equal(unpack(pack(every)), every)


def test_parts_that_are_missing_are_named(view_model: Make, samples: Samples) -> None:
    tensors = plain(quantised("static", view_model("audio"), samples).module)
    del tensors[f"{LINEAR}.weight.input_scale"]
    with pytest.raises(PlainError, match=rf"{LINEAR}.weight.input_scale' is missing beside"):
        joined(tensors)


def test_only_symmetric_weights_have_a_plain_form(view_model: Make, samples: Samples) -> None:
    done = quantised("dynamic", view_model("audio"), samples).module
    linear(done).weight.zero_point.fill_(1)  # type: ignore[operator]
    with pytest.raises(PlainError, match=rf"{LINEAR}.weight: its zero points are not 0"):
        plain(done)
