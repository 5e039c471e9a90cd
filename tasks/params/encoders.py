"""`train.encoders` of params.yaml: what describes a picture, a caption and a recording."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from tasks.params.base import Section


class EncoderParams(Section):
    """Which encoders, and what they see.

    The first choice of each is frozen and its weights come in a package; its features are computed
    once. The others are trained from scratch with the rest of the model and need no package.
    """

    image: Literal["efficientnet-lite0", "resnet"]
    image_pixels: Annotated[int, Field(ge=32, le=512)]
    """Side of the square that a picture is fitted into."""
    image_names: bool
    """Let the model know what ImageNet's classes are called, as MiniLM reads their names."""
    text: Literal["minilm", "chars"]
    """The encoder of the English caption; text in other languages is always read by letter."""
    text_characters: Annotated[int, Field(ge=8, le=1024)]
    """A text read by letter is cut here."""
    audio: Literal["whisper-tiny", "conv", "conformer"]
    front_end: Literal["log-mel", "mfcc"]
    """Frames for `conv` and `conformer`; Whisper's weights fix a front end of their own."""
    audio_seconds: Annotated[float, Field(gt=0.0, le=30.0)]
    """A clip is cut here, after silence at its ends is gone; Whisper takes 30 s at most."""
    audio_segments: PositiveInt
    """Spans of time that a clip is averaged over."""

    @model_validator(mode="after")
    def _names_need_classes_and_a_reader(self) -> Self:
        if self.image_names and (self.image, self.text) != ("efficientnet-lite0", "minilm"):
            raise ValueError(
                "`train.encoders.image_names` (true) needs `train.encoders.image: "
                "efficientnet-lite0` and `train.encoders.text: minilm`; set it to false"
            )
        return self
