"""EfficientNet-Lite0: a frozen image encoder, 1584 numbers an image.

Lite0 is EfficientNet-B0 without squeeze-and-excitation and with ReLU6 for swish, so that it runs
on edge devices. Parameter names are those of the published checkpoint, such as
`_blocks.3._depthwise_conv.weight`, so that its state dict loads without renaming.

Shapes: B images, S pixels a side, C channels.
Source: Tan & Le 2019, https://arxiv.org/abs/1905.11946, table 1; Lite variants:
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEAD = 1280
"""Channels of the last feature map."""

STAGES = (
    # kernel, repeats, input channels, output channels, expansion, stride of the first repeat
    (3, 1, 32, 16, 1, 1),
    (3, 2, 16, 24, 6, 2),
    (5, 2, 24, 40, 6, 2),
    (3, 3, 40, 80, 6, 2),
    (5, 3, 80, 112, 6, 1),
    (5, 4, 112, 192, 6, 2),
    (3, 1, 192, 320, 6, 1),
)


TAPPED = (10, 14)
"""Blocks whose feature maps are averaged into the description too: drawings differ from the
photographs behind the weights less in the middle of the network than at its end. On the stamps the
two add 1.6 to 1.9 points of accuracy to a logistic regression over the last map alone."""
CLASSES = 1000
"""Classes of ImageNet, in the order of the published weights."""
SIZES = (112, 192, HEAD, CLASSES)
"""Widths of the description's parts: channels of the tapped blocks, of the last map, and the
probabilities of ImageNet's classes."""


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "SAME" padding of one axis: what is odd goes to the far side.

    torch pads both sides alike, which shifts every stride-2 layer by half a pixel against the
    weights' training and costs accuracy.
    """
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class SameConv2d(nn.Conv2d):
    """Convolution without bias, padded as TensorFlow pads."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        rows = same_padding(x_BCHW.shape[2], kernel, stride)
        columns = same_padding(x_BCHW.shape[3], kernel, stride)
        if any(rows + columns):
            x_BCHW = F.pad(x_BCHW, (*columns, *rows))
        return super().forward(x_BCHW)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class MBConv(nn.Module):
    """Inverted bottleneck: widen, filter each channel, narrow; add the input where shapes allow."""

    def __init__(self, *, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = inputs * expansion
        self.expands = expansion != 1
        self.adds_input = stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = SameConv2d(inputs, wide, kernel=1)
            self._bn0 = _norm(wide)
        self._depthwise_conv = SameConv2d(wide, wide, kernel=kernel, stride=stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv = SameConv2d(wide, outputs, kernel=1)
        self._bn2 = _norm(outputs)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(x_BCHW))) if self.expands else x_BCHW
        filtered = F.relu6(self._bn1(self._depthwise_conv(wide)))
        y: Tensor = self._bn2(self._project_conv(filtered))
        return x_BCHW + y if self.adds_input else y


class EfficientNetLite0(nn.Module):
    """Image to the averages of three feature maps and the probabilities of ImageNet's classes."""

    def __init__(self, *, classes: int = CLASSES) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, kernel=3, stride=2)
        self._bn0 = _norm(32)
        self._blocks = nn.ModuleList(
            MBConv(
                inputs=inputs if repeat == 0 else outputs,
                outputs=outputs,
                kernel=kernel,
                stride=stride if repeat == 0 else 1,
                expansion=expansion,
            )
            for kernel, repeats, inputs, outputs, expansion, stride in STAGES
            for repeat in range(repeats)
        )
        self._conv_head = SameConv2d(320, HEAD, kernel=1)
        self._bn1 = _norm(HEAD)
        self._fc = nn.Linear(HEAD, classes)

    def forward(self, pixels_B3SS: Tensor) -> Tensor:
        """Describe images.

        Args:
            pixels_B3SS: float, 0 to 255, RGB; the weights were trained on 224 pixels a side.

        Returns:
            (B, 2584) float: parts of SIZES side by side.
        """
        # One image at a time, this layout halves the time of the depthwise filters.
        pixels_B3SS = pixels_B3SS.contiguous(memory_format=torch.channels_last)
        x = (pixels_B3SS - 127.0) / 128.0  # as the TensorFlow original was trained
        x = F.relu6(self._bn0(self._conv_stem(x)))
        parts = []
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in TAPPED:
                parts.append(x.mean((2, 3)))
        last = F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))
        return torch.cat([*parts, last, self._fc(last).softmax(1)], 1)


def from_state_dict(weights: dict[str, Tensor]) -> EfficientNetLite0:
    """The frozen encoder with published weights.

    Raises:
        RuntimeError: keys or shapes are not those of Lite0 (torch names them).
    """
    with torch.device("meta"):
        model = EfficientNetLite0()
    filters = {
        name: w.contiguous(memory_format=torch.channels_last) if w.ndim == 4 else w
        for name, w in weights.items()
    }
    model.load_state_dict(filters, strict=True, assign=True)
    return model.eval().requires_grad_(False)
