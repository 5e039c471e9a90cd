"""Sharpness, contrast and size of an image.

Sharpness is the variance of the Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield
microscopy", ICPR 2000); contrast is the root-mean-square contrast (Peli, "Contrast in complex
images", JOSA A 7, 1990): the standard deviation of the luminance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REC601 = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in the luminance (ITU-R BT.601)."""

SHARP = 1.0e-3
"""Variance of the Laplacian that earns half of the sharpness score: a photo just out of focus."""
FULL_CONTRAST = 0.2
"""RMS contrast from which on more is not better."""
OPAQUE = 255
MARGIN = 1 / 8
"""Width of the frame around a cut-out picture, as a share of its side."""
FULL_SIDE = 64.0
"""Geometric mean of the sides, in pixels, from which on more is not better for these encoders."""


@dataclass(frozen=True)
class ImageQuality:
    """What was measured, and the score of it in 0..1."""

    sharpness: float
    contrast: float
    size_score: float
    score: float


def image_quality(rgba_HWC: NDArray[np.uint8]) -> ImageQuality:
    """Measure what can be seen of an image.

    It is cropped to what is not transparent, and laid with a margin of an eighth on white or on
    black, whichever shows more: a white flash is a good picture, though not on white.

    Args:
        rgba_HWC: height x width x 4, red, green, blue, alpha, 0..255; not all transparent.

    Returns:
        variance of the Laplacian and RMS contrast of the luminance in 0..1, and the size score
        `min(1, sqrt(width * height) / 64)`. The score is the geometric mean of
        `sharpness / (sharpness + 0.001)`, `min(1, contrast / 0.2)` and the size score.

    Raises:
        ValueError: the image is fully transparent.
    """
    visible = _crop(rgba_HWC)
    height, width = visible.shape[:2]
    # An opaque image has no ground: framing it would lend it a contrast that it does not have.
    margin = 0 if (rgba_HWC[..., 3] == OPAQUE).all() else MARGIN
    luminance = max((_luminance(visible, ground, margin) for ground in (1.0, 0.0)), key=np.std)
    sharpness = float(_laplacian(luminance).var())
    contrast = float(luminance.std())
    size_score = min(1.0, float(np.sqrt(height * width)) / FULL_SIDE)
    factors = (sharpness / (sharpness + SHARP), min(1.0, contrast / FULL_CONTRAST), size_score)
    return ImageQuality(sharpness, contrast, size_score, float(np.prod(factors) ** (1 / 3)))


def _crop(rgba_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    visible = rgba_HWC[..., 3] > 0
    if not visible.any():
        raise ValueError("every pixel is transparent")
    rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
    return rgba_HWC[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _luminance(rgba_HWC: NDArray[np.uint8], ground: float, margin: float) -> NDArray[np.float64]:
    """0..1, blended with a grey level where the image is transparent, and framed by it."""
    colour, alpha = rgba_HWC[..., :3] / 255.0, rgba_HWC[..., 3] / 255.0
    blended = (colour @ REC601) * alpha + ground * (1.0 - alpha)
    frame = [(round(side * margin),) * 2 for side in blended.shape]
    return np.pad(blended, frame, constant_values=ground)


def _laplacian(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Five-point Laplacian; the border repeats itself, so a flat image gives zero everywhere."""
    padded = np.pad(image, 1, mode="edge")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return around - 4.0 * image
