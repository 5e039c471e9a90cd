"""How features enter a circuit: as angles, amplitudes, an IQP circuit, or again in every layer.

Shapes: B batch, D features, n qubits, N = 2^n.
Sources: Schuld & Petruccione 2018, Supervised Learning with Quantum Computers, chapter 5 (angle,
amplitude); Havlicek et al. 2019, https://arxiv.org/abs/1804.11326 (IQP); Perez-Salinas et al. 2020,
https://arxiv.org/abs/1907.02085 (re-uploading). The gates are those of PennyLane's AngleEmbedding,
AmplitudeEmbedding and IQPEmbedding.
"""

from typing import Literal

import torch
from torch import Tensor

from models.quantum.circuit import Op, x

Encoding = Literal["angle", "amplitude", "iqp", "reuploading"]
ENCODINGS: tuple[Encoding, ...] = ("angle", "amplitude", "iqp", "reuploading")
Axis = Literal["X", "Y", "Z"]
TOLERANCE = 1e-4
"""How far the squared norm of amplitudes may be from 1: what float32 loses over 2^20 of them."""


def angles(features: int, *, axis: Axis = "X") -> tuple[Op, ...]:
    """One rotation for each feature, on a wire of its own.

    About Z it starts from the state of equal amplitudes: on |0> it would only turn a global phase.
    """
    turns = tuple(Op(f"R{axis}", (wire,), (x(wire),)) for wire in range(features))
    if axis != "Z":
        return turns
    return (*(Op("Hadamard", (wire,)) for wire in range(features)), *turns)


def iqp(features: int, *, repeats: int = 1, entangle: bool = True) -> tuple[Op, ...]:
    """Hadamards, a Z rotation by each feature and a ZZ rotation by each product of two.

    Args:
        features: D, as many as wires.
        repeats: of the whole.
        entangle: with the products; without them the state stays a product of single qubits.
    """
    once: list[Op] = []
    for wire in range(features):
        once += [Op("Hadamard", (wire,)), Op("RZ", (wire,), (x(wire),))]
    if entangle:
        once += [
            Op("MultiRZ", (first, second), (x(first, second),))
            for first in range(features)
            for second in range(first + 1, features)
        ]
    return tuple(once) * repeats


def prepared(qubits: int) -> tuple[Op, ...]:
    """The features are the N amplitudes; `amplitudes` makes them so."""
    return (Op("StatePrep", tuple(range(qubits)), tuple(x(at) for at in range(2**qubits))),)


def amplitudes(
    features: Tensor, qubits: int, *, pad: float | None = None, normalise: bool = False
) -> Tensor:
    """Features (B, D) as amplitudes (B, N) of a state.

    Args:
        features: real numbers.
        qubits: n.
        pad: fills up to N where there are fewer features; None where none may be missing.
        normalise: divide every sample by its norm.

    Raises:
        ValueError: D does not fit N, a sample is not normalised and that was not asked for, or a
            sample is all zeros or not finite.
    """
    missing = 2**qubits - features.shape[1]
    if missing < 0 or (missing and pad is None):
        raise ValueError(
            f"features={features.shape[1]}: amplitude encoding on {qubits} qubits takes "
            f"{2**qubits}, or fewer with pad=0.0"
        )
    if missing:
        features = torch.nn.functional.pad(features, (0, missing), value=pad or 0.0)
    norms = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    if not torch.compiler.is_compiling():  # an exported program cannot look at its data
        _check_norms(norms.detach().flatten(), normalise)
    return features / norms if normalise else features


def _check_norms(norms: Tensor, normalise: bool) -> None:
    wrong = ~(norms.isfinite() & (norms > 0)) if normalise else ~((norms**2 - 1).abs() < TOLERANCE)
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0, 0])
        raise ValueError(
            f"amplitudes of row {row} have norm {float(norms[row]):.6g}: "
            + ("it must be finite and above 0" if normalise else "must be 1, or ask for normalise")
        )


def check_fit(encoding: Encoding, features: int, qubits: int) -> None:
    """Whether as many features fit the encoding as they are.

    Raises:
        ValueError: they do not; says how many do.
    """
    if encoding not in ENCODINGS:
        raise ValueError(f"encoding={encoding!r}: allowed are {', '.join(ENCODINGS)}")
    most = 2**qubits if encoding == "amplitude" else qubits
    if not 1 <= features <= most:
        raise ValueError(
            f"features={features}: {encoding} encoding on {qubits} qubits takes 1 to {most}: "
            "use more qubits, or a linear layer before the circuit"
        )
