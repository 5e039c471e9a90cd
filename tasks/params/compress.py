"""The `compress:` section of params.yaml: recipes by level, and the family they make."""

from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
)

from tasks.params.base import Section, Share

View = Literal["image", "caption", "text", "audio"]
Views = Annotated[list[View], Field(min_length=1)]
Kept = Annotated[float, Field(gt=0.0, lt=1.0)]
"""Share of something that stays."""


class ArchitectureStep(Section):
    """The search's choice: depths, picture size, vocabulary and heads, in one step."""

    technique: Literal["architecture"]
    max_loss: Share
    """Relative loss of validation quality that a choice may show, as the search measured it; of
    those that keep to it the smallest is taken."""


class LayersStep(Section):
    """Keep the first blocks of a transformer."""

    technique: Literal["layers"]
    views: Views
    keep: PositiveInt


class ImageSizeStep(Section):
    """Show smaller pictures."""

    technique: Literal["image_size"]
    pixels: PositiveInt


class VocabularyStep(Section):
    """Keep the word pieces that are used most."""

    technique: Literal["vocabulary"]
    tokens: PositiveInt


class NarrowStep(Section):
    """Take whole heads, neurons or channels away."""

    technique: Literal["heads", "ffn", "channels"]
    views: Views
    keep: Kept
    by: Literal["l2", "taylor", "random"]
    scope: Literal["local", "global"]
    """Of which the least important go: of each layer alone, or of all together."""


class LowRankStep(Section):
    """Factorise linear layers; with calibration data the truncation follows what flows through."""

    technique: Literal["low_rank"]
    views: Views
    energy: Kept
    """Share of the squared singular values that stays."""


class StudentStep(Section):
    """Small encoders learned from scratch take the place of the packaged ones."""

    technique: Literal["student"]
    pixels: PositiveInt
    width: PositiveInt
    """Of the convolutions, in channels."""
    hidden: PositiveInt
    """Of the heads."""


class SparseStep(Section):
    """Set single weights to zero. Fewer compressed bytes; never faster."""

    technique: Literal["magnitude", "random", "snip", "taylor", "wanda", "movement"]
    views: Views
    sparsity: Kept
    scope: Literal["local", "global"]


class LotteryStep(Section):
    """Prune, rewind to early weights, train again, several times."""

    technique: Literal["lottery"]
    views: Views
    sparsity: Kept
    rounds: PositiveInt
    epochs: PositiveInt
    """Of the training in each round."""


class ClusterStep(Section):
    """Let weights share the values of a codebook."""

    technique: Literal["cluster"]
    views: Views
    bits: Annotated[int, Field(ge=1, le=8)]


class DistilStep(Section):
    """Learn from the teacher's answers."""

    technique: Literal["distil"]
    views: Views
    train: Literal["head", "all"]
    augment: NonNegativeInt
    """Captions that are made up and asked of the teacher too; other views learn from what is
    there."""
    epochs: PositiveInt
    learning_rate: Annotated[float, Field(gt=0.0, lt=1.0)]


class QatStep(Section):
    """Learn from the teacher with weights rounded as they will be."""

    technique: Literal["qat"]
    views: Views
    bits: Annotated[int, Field(ge=2, le=8)]
    epochs: PositiveInt
    learning_rate: Annotated[float, Field(gt=0.0, lt=1.0)]


class IntegerGraphStep(Section):
    """Integers in ONNX Runtime's graphs; look-up tables have bits of their own."""

    technique: Literal["ort_dynamic_int8", "ort_static_int8", "ort_int4"]
    views: Views
    embedding_bits: Literal[4, 8]


class MixedStep(Section):
    """4 or 8 bits for each layer of ONNX Runtime's graphs, decided by measured errors."""

    technique: Literal["ort_mixed"]
    views: Views
    mean_bits: Annotated[float, Field(ge=4.0, le=8.0)]
    """How far the bytes of a view's layers may go from all in 4 bits (4) to all in 8 (8)."""


class PlainStep(Section):
    """A technique without a setting of its own."""

    technique: Literal[
        "fp16",
        "bf16",
        "torchao_int8",
        "torchao_int4",
        "onnx",
        "ort_fp16",
        "openvino_int8",
        "openvino_int4",
        "openvino_bf16",
        "zstd",
    ]
    views: Views


AnyStep = (
    ArchitectureStep
    | LayersStep
    | ImageSizeStep
    | VocabularyStep
    | NarrowStep
    | LowRankStep
    | StudentStep
    | SparseStep
    | LotteryStep
    | ClusterStep
    | DistilStep
    | QatStep
    | IntegerGraphStep
    | MixedStep
    | PlainStep
)
Step = Annotated[AnyStep, Field(discriminator="technique")]


class TogetherStep(Section):
    """Steps that are judged as one: what the first of them breaks, the last may mend."""

    technique: Literal["together"]
    steps: Annotated[list[Step], Field(min_length=1)]


class FirstOfStep(Section):
    """The first of these that keeps to the recipe's limit is taken."""

    technique: Literal["first_of"]
    options: Annotated[
        list[Annotated[AnyStep | TogetherStep, Field(discriminator="technique")]],
        Field(min_length=1),
    ]


Item = Annotated[AnyStep | TogetherStep | FirstOfStep, Field(discriminator="technique")]


class LevelParams(Section):
    """A recipe."""

    max_drop: Share
    """Relative loss of validation quality against the teacher at which a step is rolled back."""
    steps: Annotated[list[Item], Field(min_length=1)]


class BudgetParams(Section):
    """What a deployable may cost, and how much worse it may be. Null: no limit."""

    level: Literal["light", "medium", "aggressive", "extreme"]
    alias: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """MLflow finds the version under `champion-ALIAS`."""
    megabytes: PositiveFloat | None
    """Of the ONNX deployable, all files together, 1 MB = 10^6 bytes."""
    latency_ms: PositiveFloat | None
    """Of one question with all four views on one thread, median."""
    memory_mb: PositiveFloat | None
    """Resident set of the process that answers."""
    max_drop: Share
    """Relative loss of category accuracy and of speech -> text R@10 on the test clips."""
    required: bool
    """Whether the stage fails where this member misses its budget; else it is left out, and why
    is written down."""


class LevelsParams(Section):
    """Recipes by level."""

    light: LevelParams
    medium: LevelParams
    aggressive: LevelParams
    extreme: LevelParams


class FamilyParams(Section):
    """Deployables by machine."""

    server: BudgetParams
    laptop: BudgetParams
    phone: BudgetParams
    microcontroller: BudgetParams


class CompressParams(Section):
    """Settings of the compress stage."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    calibration: Annotated[int, Field(ge=2)]
    """Training contents of each view that show quantisers and pruners what flows through."""
    batch_size: Annotated[int, Field(ge=2)]
    """Of everything that learns here."""
    temperature: PositiveFloat
    """Softens the answers that are learned from."""
    weight_decay: NonNegativeFloat
    average: Share
    """Decay of the running average of the weights, which is what is kept."""
    fine_tuning: Annotated[float, Field(gt=0.0, lt=1.0)]
    """Learning rate of techniques that train in passing: movement pruning, lottery tickets."""
    repeats: Annotated[int, Field(ge=5)]
    """Timed answers behind each latency."""
    levels: LevelsParams
    family: FamilyParams
