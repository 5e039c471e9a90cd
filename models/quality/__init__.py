"""How good is one sample? Pure measures of an image, a sound and a text, and one score of them all.

The formulas, with the reasons for each constant, are in docs/data.md.
"""

from models.quality.audio import SoundQuality, sound_quality
from models.quality.image import ImageQuality, image_quality
from models.quality.score import overall
from models.quality.text import TextQuality, text_quality

__all__ = [
    "ImageQuality",
    "SoundQuality",
    "TextQuality",
    "image_quality",
    "overall",
    "sound_quality",
    "text_quality",
]
