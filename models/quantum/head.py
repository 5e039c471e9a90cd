"""A quantum circuit between two linear layers, as a classifier on frozen embeddings.

The layers around the circuit follow Mari et al. 2020, https://arxiv.org/abs/1912.08278: a linear
layer to as many angles as there are qubits, squashed to half a turn, the circuit, a linear layer to
the classes.

Shapes: B batch, D features, n qubits, N = 2^n, W weights, C classes.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from models.quantum.ansatz import Ansatz, layer, weights_of
from models.quantum.circuit import MEASURES, Circuit, Measure, Op
from models.quantum.encoding import (
    ENCODINGS,
    Axis,
    Encoding,
    amplitudes,
    angles,
    check_fit,
    iqp,
    prepared,
)
from models.quantum.engine import Engine
from models.quantum.hardware import check_options
from models.quantum.mixed_engine import MixedEngine

QUBITS = range(1, 21)
"""What a head may have; 4 to 12 train in minutes."""
MIXED = "default.mixed"
"""PennyLane's device of states that are known in part only: the one that noise can act on."""


@dataclass(frozen=True)
class HeadConfig:
    """A head, without its weights.

    Args:
        features: D.
        classes: C.
        qubits: n.
        layers: of the ansatz.
        encoding: how features enter; reuploading repeats them before every layer.
        ansatz: the trained gates.
        entangle: with entangling gates. Amplitudes may be entangled whatever this says.
        measure: z gives the last linear layer n numbers, probabilities N.
        pre: linear brings D features to what the encoding takes; none leaves them as they are, and
            D must fit.
        axis: of the rotations of angle encoding and re-uploading.
        normalise: amplitude encoding divides every sample by its norm; otherwise a norm other than
            1 is refused.
        depolarising: probability p that X, Y or Z strikes, on each wire of every gate, after it:
            above 0, the head is trained and asked under noise, at 4^n numbers a sample.
        engine: torch, or pennylane for anything that a PennyLane device can do.
        spread: angles start evenly drawn from this many radians around 0: 2 pi for anywhere.
        device, options, shots: for PennyLane; shots None where a simulator knows all amplitudes.

    Raises:
        ValueError: a number is out of range, a name is unknown, features do not fit, or an
            option looks like a secret.
    """

    features: int
    classes: int
    qubits: int
    layers: int
    encoding: Encoding = "angle"
    ansatz: Ansatz = "strongly_entangling"
    entangle: bool = True
    measure: Measure = "z"
    pre: Literal["linear", "none"] = "linear"
    axis: Axis = "X"
    normalise: bool = True
    spread: float = 2 * math.pi
    depolarising: float = 0.0
    engine: Literal["torch", "pennylane"] = "torch"
    device: str = "default.qubit"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    shots: int | None = None

    def __post_init__(self) -> None:
        if self.qubits not in QUBITS:
            raise ValueError(f"qubits={self.qubits}: a head has {QUBITS[0]} to {QUBITS[-1]}")
        for name in ("features", "classes", "layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: must be 1 or more")
        for name, allowed in (
            ("encoding", ENCODINGS),
            ("measure", MEASURES),
            ("pre", ("linear", "none")),
            ("axis", ("X", "Y", "Z")),
            ("engine", ("torch", "pennylane")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name}={getattr(self, name)!r}: allowed are {', '.join(allowed)}"
                )
        if not 0 < self.spread <= 2 * math.pi:
            raise ValueError(f"spread={self.spread}: allowed is above 0, at most 2 pi")
        if not 0 <= self.depolarising <= 1:
            raise ValueError(f"depolarising={self.depolarising}: allowed is 0 to 1")
        if self.depolarising and self.engine == "pennylane" and self.device != MIXED:
            raise ValueError(
                f"depolarising={self.depolarising} needs device {MIXED!r}, not {self.device!r}, "
                "or engine='torch'"
            )
        if self.shots is not None and self.shots < 1:
            raise ValueError(f"shots={self.shots}: must be 1 or more, or None for exact results")
        if self.shots is not None and self.engine == "torch":
            raise ValueError(
                f"shots={self.shots}: the torch engine is exact: use engine='pennylane', or "
                "`models.quantum.noise` to see what shots cost"
            )
        check_options(self.options)
        if self.pre == "none":
            check_fit(self.encoding, self.features, self.qubits)
        layer(self.ansatz, self.qubits, at=0, first=0, entangle=self.entangle)

    def without_entanglement(self) -> "HeadConfig":
        """The control: the same parameters, no entangling gate."""
        return dataclasses.replace(self, entangle=False)

    @property
    def encoded(self) -> int:
        """Numbers that enter the circuit for each sample."""
        if self.encoding == "amplitude":
            states: int = 2**self.qubits
            return states
        return self.qubits if self.pre == "linear" else self.features

    @property
    def measured(self) -> int:
        """Numbers that leave it."""
        states: int = 2**self.qubits
        return self.qubits if self.measure == "z" else states


def circuit_of(config: HeadConfig) -> Circuit:
    """The circuit of a head."""
    encode = _encoding_ops(config)
    ops: list[Op] = [] if config.encoding == "reuploading" else list(encode)
    each = weights_of(config.ansatz, config.qubits)
    for at in range(config.layers):
        if config.encoding == "reuploading":
            ops += encode
        ops += layer(config.ansatz, config.qubits, at=at, first=at * each, entangle=config.entangle)
    return Circuit(config.qubits, tuple(ops), config.measure)


def _encoding_ops(config: HeadConfig) -> tuple[Op, ...]:
    if config.encoding == "amplitude":
        return prepared(config.qubits)
    if config.encoding == "iqp":
        return iqp(config.encoded, entangle=config.entangle)
    return angles(config.encoded, axis=config.axis)


def parameters_of(config: HeadConfig) -> dict[str, int]:
    """How many parameters each part of a head trains."""
    pre = config.encoded * (config.features + 1) if config.pre == "linear" else 0
    return {
        "pre": pre,
        "circuit": config.layers * weights_of(config.ansatz, config.qubits),
        "post": config.classes * (config.measured + 1),
    }


class QuantumHead(nn.Module):
    """Features (B, D) to logits (B, C), through a circuit.

    Args:
        config: what to build.
        seed: of all weights; torch's own RNG is left alone.
    """

    def __init__(self, config: HeadConfig, *, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.config, self.circuit = config, circuit_of(config)
        self.pre = (
            _linear(config.features, config.encoded, generator) if config.pre == "linear" else None
        )
        start = torch.rand(parameters_of(config)["circuit"], generator=generator)
        self.weights = nn.Parameter(config.spread * (start - 0.5))
        self.post = _linear(config.measured, config.classes, generator)
        self.engine = engine_of(config, self.circuit)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) features -> (B, C) logits; B may be 0.

        Raises:
            ValueError: D is another, or amplitudes cannot be normalised.
        """
        logits: Tensor = self.post(self.measure(x))
        return logits

    def measure(self, x: Tensor) -> Tensor:
        """(B, D) features -> what the circuit measures, (B, n) or (B, N)."""
        measured: Tensor = self.engine(self.encode(x), self.weights)
        return measured

    def encode(self, x: Tensor) -> Tensor:
        """(B, D) features -> what the circuit's operations take."""
        if x.ndim != 2 or x.shape[1] != self.config.features:
            raise ValueError(
                f"features of shape {tuple(x.shape)}: this head takes (B, {self.config.features})"
            )
        if self.pre is not None:
            x = self.pre(x)
        if self.config.encoding == "amplitude":
            learned = self.pre is not None
            return amplitudes(
                x, self.config.qubits, pad=0.0, normalise=learned or self.config.normalise
            )
        return torch.tanh(x) * (math.pi / 2) if self.pre is not None else x


def engine_of(config: HeadConfig, circuit: Circuit) -> nn.Module:
    """What runs the circuit of a head."""
    if config.engine == "torch":
        if config.depolarising:
            return MixedEngine(circuit, depolarising=config.depolarising)
        return Engine(circuit)
    from models.quantum.pennylane_engine import PennylaneEngine  # costs seconds

    return PennylaneEngine(
        circuit,
        device=config.device,
        options=config.options,
        shots=config.shots,
        depolarising=config.depolarising or None,
    )


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer as torch starts it, drawn from the generator."""
    made = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
    bound = 1 / math.sqrt(inputs)
    with torch.no_grad():
        made.weight.uniform_(-bound, bound, generator=generator)
        made.bias.uniform_(-bound, bound, generator=generator)
    return made
