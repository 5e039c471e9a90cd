"""The `federate:` section of params.yaml: who learns, how updates travel, and what is protected."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic import model_validator as check

from tasks.params.base import Section

Rate = Annotated[float, Field(gt=0.0, lt=10.0)]
Strategy = Literal[
    "fedavg",
    "fedavgm",
    "fedprox",
    "scaffold",
    "fednova",
    "fedadam",
    "fedyogi",
    "fedadagrad",
    "median",
    "trimmed_mean",
    "krum",
    "multi_krum",
    "bulyan",
]


class StrategyParams(Section):
    """How the server combines updates; settings of other families are not looked at."""

    name: Strategy | Literal["auto"]
    """auto: the best of `tournament`, on validation rows."""
    server_rate: Rate
    """Step of the server's optimiser."""
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)]
    """FedAvgM's."""
    beta_1: Annotated[float, Field(ge=0.0, lt=1.0)]
    beta_2: Annotated[float, Field(ge=0.0, lt=1.0)]
    tau: PositiveFloat
    """Of FedAdam, FedYogi, FedAdagrad."""
    mu: NonNegativeFloat
    """FedProx's pull towards the weights that were sent."""
    trimmed: Annotated[float, Field(ge=0.0, lt=0.5)]
    """Share of values cut at each end, for trimmed_mean."""
    malicious: NonNegativeInt
    """Hostile clients that krum, multi_krum and bulyan expect."""
    selected: PositiveInt
    """Updates that multi_krum averages."""


class CandidateParams(Section):
    """A strategy that may win the tournament, with the settings that it runs with."""

    name: Strategy
    server_rate: Rate


class TournamentParams(Section):
    """What `strategy.name: auto` does."""

    rounds: PositiveInt
    candidates: Annotated[list[CandidateParams], Field(min_length=2)]


class LocalParams(Section):
    """What a client does in a round; the loss is that of `train`."""

    optimizer: Literal["sgd", "adamw"]
    learning_rate: Rate
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)]
    """Of sgd."""
    epochs: PositiveInt
    batch_size: Annotated[int, Field(ge=2)]
    weight_decay: NonNegativeFloat


class SelectionParams(Section):
    """Who takes part in a round."""

    policy: Literal["random", "availability", "loss", "fair", "qubo"]
    fraction: Annotated[float, Field(gt=0.0, le=1.0)]
    least: PositiveInt
    """Good updates that a round needs; with fewer the weights stay as they are."""
    sampling: Literal["fixed", "poisson"]
    """poisson: each client is drawn on its own, which lets the accountant count less."""


class StragglerParams(Section):
    """What happens to clients that would be late."""

    policy: Literal["wait", "drop", "partial"]
    deadline_seconds: PositiveFloat
    least_share: Annotated[float, Field(gt=0.0, le=1.0)]
    """Of the work that is still worth asking for, where policy is partial."""


class CodecParams(Section):
    """How arrays travel in one direction."""

    codec: Literal["none", "int8", "top_k", "low_rank"]
    share: Annotated[float, Field(gt=0.0, le=1.0)]
    """Of values that top_k sends."""
    rank: PositiveInt
    """Of low_rank's factors."""


class AdaptiveParams(Section):
    """Clipping that follows a quantile of the updates' norms."""

    quantile: Annotated[float, Field(gt=0.0, lt=1.0)]
    rate: PositiveFloat
    count_noise: NonNegativeFloat


class PrivacyParams(Section):
    """What is protected; docs/federated.md says from whom."""

    level: Literal["none", "local_dp", "central_dp", "secure_aggregation", "secure_aggregation+dp"]
    clip: PositiveFloat
    """Largest Euclidean norm of a client's update."""
    noise_multiplier: PositiveFloat
    """Noise over what clipping lets one client change."""
    epsilon: PositiveFloat
    """Budget of the whole run: it stops before more is spent."""
    delta: Annotated[float, Field(gt=0.0, lt=0.1)]
    noise: Literal["seeded", "system"]
    """seeded repeats byte for byte, and protects against no one who can read params.yaml."""
    adaptive: AdaptiveParams | None
    reach: PositiveFloat
    """Largest coordinate of an update that secure aggregation carries."""
    threshold: Annotated[int, Field(ge=2)]
    """Clients that must stay to the end of a secure round."""


class PersonaliseParams(Section):
    """A head of each client's own, learned from the global model after the last round."""

    epochs: NonNegativeInt
    """0: none."""
    learning_rate: Rate
    part: Literal["heads", "experts", "all"]
    """experts: the category experts; heads: those and the projections; all: encoders too."""


class FederateParams(Section):
    """Settings of the federate stage."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    partition: Literal["language", "group", "shards"]
    """Column of the manifest: one client for each of its values; shards: groups dealt out."""
    shards: Annotated[int, Field(ge=2)]
    """Clients that groups are dealt to, also where a column has only one value."""
    rounds: PositiveInt
    strategy: StrategyParams
    tournament: TournamentParams
    local: LocalParams
    selection: SelectionParams
    devices: str
    """File with the kinds of devices, from which each client's is drawn."""
    stragglers: StragglerParams
    upload: CodecParams
    download: CodecParams
    privacy: PrivacyParams
    workers: PositiveInt
    """Clients that train at the same time, each on one core; no part of the result."""
    timeout_seconds: PositiveFloat
    patience: PositiveInt
    """Rounds in a row that may come to nothing before the run ends."""
    personalise: PersonaliseParams
    audit: bool
    """Attack the settings above on a small data set, and show what came out."""

    @check(mode="after")
    def _sound(self) -> Self:
        if self.privacy.level == "none" and self.selection.sampling == "fixed":
            return self  # nothing below applies, and the rules need Flower, a second to import
        from models.federated.settings import contradictions

        if found := contradictions(self.model_dump()):
            raise ValueError("`federate`: " + "; ".join(found))
        return self
