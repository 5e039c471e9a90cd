"""The grids agree with the runtimes that round to them later."""

import numpy as np
import pytest
import torch
from onnx import TensorProto
from onnxruntime.capi._pybind_state import quantize_matmul_4bits
from onnxruntime.quantization.quant_utils import quantize_data

from models.compression.rounding import fits, grid, nearest, scales


@pytest.fixture
def weight() -> torch.Tensor:
    return torch.randn(6, 64, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(("bits", "reduced"), [(8, False), (7, True)])
def test_int8_is_onnxruntimes(weight: torch.Tensor, bits: int, reduced: bool) -> None:
    rounded = nearest(weight, bits)
    for row, found in zip(weight, rounded, strict=True):
        zero, scale, whole = quantize_data(row.numpy(), TensorProto.INT8, True, reduced)
        assert zero == 0
        assert torch.equal(torch.from_numpy(whole.astype(np.float32) * scale), found)


def test_int4_is_onnxruntimes(weight: torch.Tensor) -> None:
    outputs, inputs = weight.shape
    groups = inputs // 32
    packed = np.zeros((outputs, groups, 16), np.uint8)
    scale = np.zeros(outputs * groups, np.float32)
    zeros = np.zeros((outputs, (groups + 1) // 2), np.uint8)
    columns = np.ascontiguousarray(weight.numpy().T)
    quantize_matmul_4bits(packed, columns, scale, zeros, 32, outputs, inputs, True)
    # Two values a byte, the first in the lower bits, 8 stands for 0.
    whole = np.stack([packed & 15, packed >> 4], -1).reshape(outputs, groups, 32) - 8.0
    wanted = (whole * scale.reshape(outputs, groups, 1)).reshape(outputs, inputs)
    assert torch.equal(nearest(weight, 4), torch.from_numpy(wanted.astype(np.float32)))


def test_int8_is_torchs_fake_quantisation() -> None:
    weight = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(3))
    scale = scales(weight, 8).flatten()
    zeros = torch.zeros(4, dtype=torch.int32)
    wanted = torch.fake_quantize_per_channel_affine(weight, scale, zeros, 0, -127, 127)
    assert torch.allclose(nearest(weight, 8), wanted, rtol=1e-6, atol=0)


@pytest.mark.parametrize("bits", [8, 7])
def test_the_worst_error_is_half_a_scale(weight: torch.Tensor, bits: int) -> None:
    # Closed form: the largest weight is a grid point, so nothing is cut off.
    largest = weight.abs().amax(1, keepdim=True)
    half = largest / (127 if bits == 8 else 64) / 2
    assert bool(((nearest(weight, bits) - weight).abs() <= half * (1 + 1e-5)).all())


@pytest.mark.parametrize("bits", [8, 7, 4])
def test_rounding_twice_is_rounding_once(weight: torch.Tensor, bits: int) -> None:
    once = nearest(weight, bits)
    assert not torch.equal(once, weight)
    assert torch.allclose(nearest(once, bits), once, rtol=1e-6, atol=0)


@pytest.mark.parametrize("bits", [8, 7, 4])
def test_zeros_stay_zeros(bits: int) -> None:
    assert torch.equal(nearest(torch.zeros(2, 32), bits), torch.zeros(2, 32))


def test_int4_by_hand() -> None:
    # The value furthest from 0 becomes -8: the scale is 4 / -8 = -0.5.
    weight = torch.tensor([[4.0, -4.0, 0.3, -0.2] + 28 * [0.0]])
    assert scales(weight, 4).item() == -0.5
    # -4 would be 8 scales of the other sign, and is cut at 7.
    assert nearest(weight, 4)[0, :4].tolist() == [4.0, -3.5, 0.5, 0.0]


def test_groups_must_divide_the_inputs() -> None:
    assert fits(torch.zeros(2, 64), 4)
    assert not fits(torch.zeros(2, 48), 4)
    assert fits(torch.zeros(2, 48), 8)


def test_other_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="bits=5: allowed are 4, 7, 8"):
        grid(5)
