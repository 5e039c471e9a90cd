"""Image encoders: EfficientNet-Lite0 against published facts, ResNet against transformers."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from models.encoders.image_efficientnet import (
    HEAD,
    SIZES,
    EfficientNetLite0,
    SameConv2d,
    from_state_dict,
    same_padding,
)
from models.encoders.image_resnet import ResNet
from models.foreign import transformers


def test_lite0_has_the_published_number_of_parameters():
    # 4.652 million: the model table of the TensorFlow repository named in the module, "4.7M".
    assert sum(p.numel() for p in EfficientNetLite0().parameters()) == 4_652_008


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "expected"),
    # TensorFlow's rule by hand: out = ceil(side / stride),
    # pad = (out - 1) * stride + kernel - side.
    [
        (224, 3, 2, (0, 1)),
        (112, 5, 2, (1, 2)),
        (7, 3, 1, (1, 1)),
        (5, 3, 2, (1, 1)),
        (8, 1, 2, (0, 0)),
    ],
)
def test_same_padding_by_hand(side, kernel, stride, expected):
    assert same_padding(side, kernel, stride) == expected


def test_a_strided_convolution_pads_on_the_far_side():
    convolution = SameConv2d(1, 1, kernel=3, stride=2)
    nn.init.zeros_(convolution.weight)
    convolution.weight.data[0, 0, 0, 0] = 1.0  # takes the near corner of every window
    x = torch.arange(16.0).view(1, 1, 4, 4)
    # With the odd column on the far side, windows start at 0 and 2.
    assert convolution(x).flatten().tolist() == [0.0, 2.0, 8.0, 10.0]


def _published(weights: dict[str, torch.Tensor], pixels: torch.Tensor) -> torch.Tensor:
    """The network again, as a loop over table 1 of the paper, from functional parts alone."""

    def convolve(x, name, stride=1, groups=1):
        w = weights[f"{name}.weight"]
        out = -(-x.shape[-1] // stride)
        total = max((out - 1) * stride + w.shape[-1] - x.shape[-1], 0)
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        return F.conv2d(x, w, stride=stride, groups=groups)

    def norm(x, name):
        m, v = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        g, b = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return (x - m.view(-1, 1, 1)) / (v.view(-1, 1, 1) + 1e-3).sqrt() * g.view(
            -1, 1, 1
        ) + b.view(-1, 1, 1)

    x = norm(convolve((pixels - 127) / 128, "_conv_stem", 2), "_bn0").clamp(0, 6)
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    for i, stride in enumerate(strides):
        start, y = x, x
        if i > 0:
            y = norm(convolve(y, f"_blocks.{i}._expand_conv"), f"_blocks.{i}._bn0").clamp(0, 6)
        y = convolve(y, f"_blocks.{i}._depthwise_conv", stride, y.shape[1])
        y = norm(y, f"_blocks.{i}._bn1").clamp(0, 6)
        y = norm(convolve(y, f"_blocks.{i}._project_conv"), f"_blocks.{i}._bn2")
        x = y + start if y.shape == start.shape else y
    return norm(convolve(x, "_conv_head"), "_bn1").clamp(0, 6).mean((2, 3))


def test_lite0_equals_a_second_writing_of_the_paper():
    torch.manual_seed(0)
    model = EfficientNetLite0()
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.uniform_(-0.5, 0.5)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
    weights = model.state_dict()
    pixels = torch.randint(0, 256, (1, 3, 64, 64)).float()
    described = from_state_dict(weights)(pixels)
    assert described.shape == (1, sum(SIZES)) == (1, 2584)
    torch.testing.assert_close(
        described[:, -HEAD - 1000 : -1000], _published(weights, pixels), atol=1e-4, rtol=1e-3
    )


def test_wrong_weights_are_refused():
    weights = EfficientNetLite0().state_dict()
    del weights["_conv_head.weight"]
    with pytest.raises(RuntimeError, match=r"_conv_head\.weight"):
        from_state_dict(weights)


def test_resnet_equals_transformers_on_normalised_pixels():
    torch.manual_seed(0)
    model = ResNet(channels=[8, 16], depths=[1, 1]).eval()
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"
    )
    theirs = transformers.ResNetModel(config).eval()
    theirs.load_state_dict(model.model.state_dict())
    x = (pixels.float() - model.mean) / model.deviation
    expected = theirs(x).last_hidden_state.mean((2, 3))
    out = model(pixels)
    assert out.shape == (2, model.width) == (2, 16)
    torch.testing.assert_close(out, expected)


def test_resnet_needs_matching_stages():
    with pytest.raises(ValueError, match=r"channels=\[8\] and depths=\[1, 1\]"):
        ResNet(channels=[8], depths=[1, 1])
