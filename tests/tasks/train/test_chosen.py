"""Which encoders need a package."""

import pytest
from pydantic import ValidationError

from models.encoders.packaged import PACKAGED
from tasks.params.encoders import EncoderParams
from tasks.train.features import chosen

PARAMS = {
    "image": "resnet",
    "image_pixels": 64,
    "image_names": False,
    "text": "minilm",
    "text_characters": 8,
    "audio": "conv",
    "front_end": "mfcc",
    "audio_seconds": 1.0,
    "audio_segments": 4,
}


def test_only_packaged_encoders_count_as_such():
    assert chosen(EncoderParams(**PARAMS)) == ("minilm",)
    assert set(PACKAGED) == {
        "efficientnet-lite0",
        "imagenet-names",
        "minilm",
        "whisper-tiny",
    }


def test_names_of_imagenets_classes_need_both_packaged_encoders():
    named = {"image_names": True, "image": "efficientnet-lite0"}
    assert chosen(EncoderParams(**PARAMS | named)) == (
        "efficientnet-lite0",
        "minilm",
        "imagenet-names",
    )
    with pytest.raises(ValidationError, match=r"`train\.encoders\.image_names` \(true\) needs"):
        EncoderParams(**PARAMS | named | {"text": "chars"})
