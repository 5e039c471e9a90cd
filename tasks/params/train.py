"""The `train:` section of params.yaml: what the model is, and how it learns."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from tasks.params.base import Section, Share
from tasks.params.encoders import EncoderParams

Rate = Annotated[float, Field(gt=0.0, lt=1.0)]
Dropout = Annotated[float, Field(ge=0.0, lt=1.0)]


class SpellingParams(Section):
    """The encoder of texts in the clips' own languages, which keeps the order of the letters."""

    width: PositiveInt
    layers: PositiveInt
    kernel: PositiveInt
    """Letters that a convolution sees; odd."""
    dropout: Dropout


class CharsParams(Section):
    """`chars`, the encoder of English captions when `train.encoders.text` names it."""

    embedding: PositiveInt
    channels: PositiveInt
    kernels: Annotated[list[PositiveInt], Field(min_length=1)]
    """How many letters a filter sees."""
    width: PositiveInt


class ScratchAudioParams(Section):
    """`conv` and `conformer`, used when `train.encoders.audio` names them."""

    width: PositiveInt
    layers: PositiveInt
    heads: PositiveInt
    kernel: PositiveInt
    dropout: Dropout


class ScratchImageParams(Section):
    """`resnet`, used when `train.encoders.image` names it."""

    channels: Annotated[list[PositiveInt], Field(min_length=1)]
    depths: Annotated[list[PositiveInt], Field(min_length=1)]


class TrustParams(Section):
    """Gate of each view's expert before any is learned; 1 counts its log-probabilities fully."""

    image: PositiveFloat
    caption: PositiveFloat
    text: PositiveFloat
    audio: PositiveFloat


class ModelParams(Section):
    """Sizes of what is trained."""

    width: PositiveInt
    """Of the vectors that retrieval compares."""
    hidden: PositiveInt
    """Of the layer in front of them."""
    dropout: Dropout
    trust: TrustParams
    spelling: SpellingParams
    chars: CharsParams
    scratch_audio: ScratchAudioParams
    scratch_image: ScratchImageParams


class LossParams(Section):
    """How much each part counts; the fused category loss counts 1."""

    experts: NonNegativeFloat
    """Category loss of each view alone."""
    sound: NonNegativeFloat
    """Speech against text in its language."""
    meaning: NonNegativeFloat
    """Picture against English caption."""


class TrainParams(Section):
    """Settings of the train stage."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    threads: PositiveInt
    """Cores for training. Part of the result: other numbers of threads round sums otherwise."""
    encoders: EncoderParams
    model: ModelParams
    epochs: PositiveInt
    patience: PositiveInt
    """Epochs without a better validation loss before training stops."""
    batch_size: Annotated[int, Field(ge=2)]
    """Clips per step at most; all of one language."""
    learning_rate: Rate
    """Its peak: warms up over a tenth of the steps, then falls as a cosine."""
    weight_decay: NonNegativeFloat
    smoothing: Dropout
    """Label smoothing of the category loss."""
    modality_dropout: Dropout
    """Probability of hiding a view from the fusion in training."""
    average: Share
    """Decay of the running average of the weights; the average is what is kept."""
    gate_decay: NonNegativeFloat
    """Pull of the gates towards `model.trust` when they are learned on the validation rows."""
    clip: PositiveFloat
    """Largest norm of the gradient."""
    loss: LossParams
    resamples: Annotated[PositiveInt, Field(ge=100)]
    """Bootstrap resamples behind the intervals."""
    calibration_bins: PositiveInt
