"""The `quantum:` section of params.yaml: the circuit, how heads are trained, what is a gain."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveInt
from pydantic import model_validator as check

from models.quantum.hardware import check_options, check_shots
from tasks.params.base import Section

Rising = Annotated[list[PositiveInt], Field(min_length=1)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class HeadParams(Section):
    """The circuit, with a linear layer on either side."""

    qubits: Annotated[int, Field(ge=2, le=12)]
    layers: Annotated[int, Field(ge=1, le=20)]
    encoding: Literal["angle", "amplitude", "iqp", "reuploading"]
    ansatz: Literal["strongly_entangling", "basic", "hardware_efficient", "tree", "mera"]
    measure: Literal["z", "probabilities"]
    spread: Annotated[float, Field(gt=0.0, le=6.2832)]
    """Angles start evenly drawn from this many radians around 0."""
    depolarising: Probability
    """Of an error on each wire after every gate while heads are trained: above 0, they are trained
    under noise."""


class TrainingParams(Section):
    """The same for every head, quantum or not."""

    seeds: Annotated[int, Field(ge=2)]
    """Times that each head is trained; with fewer than 8 no corrected p value gets below 0.05."""
    epochs: PositiveInt
    batch_size: PositiveInt
    weight_decay: NonNegativeFloat
    rates: Annotated[list[Annotated[float, Field(gt=0.0, lt=1.0)]], Field(min_length=1)]
    """Learning rates; each kind of head gets the one with the lowest validation loss."""


class VerdictParams(Section):
    """What counts as a gain."""

    level: Annotated[float, Field(gt=0.0, lt=1.0)]
    """Highest p value, after Holm's correction over all opponents."""
    resamples: Annotated[PositiveInt, Field(ge=100)]
    """Of the bootstrap over groups and seeds."""
    draws: Annotated[PositiveInt, Field(ge=100)]
    """Sign flips drawn for the p value; where all of them are no more than this, it is exact."""


class TrainabilityParams(Section):
    """Look at gradients before training."""

    qubits: Rising
    samples: Annotated[PositiveInt, Field(ge=10)]
    """Random starts for each number of qubits."""
    least_variance: Annotated[float, Field(gt=0.0)]
    """Below it, the stage warns of a barren plateau."""


class RobustnessParams(Section):
    """How the trained head would fare on a device, which measures, and errs."""

    rows: PositiveInt
    """Test rows that are judged, the same for all points."""
    shots: Rising
    repeats: Annotated[PositiveInt, Field(ge=2)]
    """Draws for each number of shots."""
    noise_rows: PositiveInt
    """Test rows that are judged under noise; each takes 4^qubits numbers."""
    depolarising: Annotated[list[Annotated[Probability, Field(gt=0.0)]], Field(min_length=1)]
    """Probabilities of an error on each wire after every gate."""

    @check(mode="after")
    def _rising(self) -> Self:
        for name in ("shots", "depolarising"):
            values = getattr(self, name)
            if values != sorted(set(values)):
                raise ValueError(f"`{name}` ({values}) must rise, without repeating a value")
        return self


class DecisionParams(Section):
    """What is decided as QUBO, from what the compress and federate stages left."""

    devices: str
    """File with the kinds of devices, in the workspace."""
    count: PositiveInt
    """Devices in the field; each downloads the member that is placed on its kind."""
    traffic_mb: Annotated[float, Field(gt=0.0)] | None
    """That they may download together, in 10^6 bytes; null for no limit."""
    clients: PositiveInt
    """To choose for a next federated round."""


class BackendParams(Section):
    """What runs the circuit while heads are trained."""

    engine: Literal["torch", "pennylane"]
    device: str
    """PennyLane's name of a device, for `engine: pennylane`."""
    options: dict[str, Any]
    """Passed to the device."""
    shots: PositiveInt | None
    """For each circuit; null where a simulator on this machine knows all amplitudes."""
    price_per_task: NonNegativeFloat | None
    """Of starting a circuit, in any currency; null for no estimate."""
    price_per_shot: NonNegativeFloat | None
    """Of each measurement, in the same currency."""

    @check(mode="before")
    @classmethod
    def _no_secrets(cls, values: Any) -> Any:
        """Before anything else: other errors print the value that is wrong."""
        if isinstance(values, dict):
            check_options(values)
        return values

    @check(mode="after")
    def _measurable(self) -> Self:
        if self.engine == "pennylane":
            check_shots(self.device, self.shots)
        return self


class QuantumParams(Section):
    """Settings of the quantum stage."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    components: PositiveInt
    """Principal components of the frozen model's summaries that heads are given."""
    head: HeadParams
    training: TrainingParams
    verdict: VerdictParams
    trainability: TrainabilityParams
    robustness: RobustnessParams
    backend: BackendParams
    decisions: DecisionParams

    @check(mode="after")
    def _encodable(self) -> Self:
        if self.backend.engine == "torch" and self.backend.shots is not None:
            raise ValueError(
                f"`quantum.backend.shots` ({self.backend.shots}) needs `engine: pennylane`: the "
                "torch engine knows all amplitudes; write null"
            )
        return self
