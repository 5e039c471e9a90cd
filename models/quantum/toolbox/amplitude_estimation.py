"""Amplitude estimation: how likely is a good reading after a preparation A?

The error falls as 1 / calls, that of sampling as 1 / sqrt(samples).
Shapes: N = 2^n for the n qubits of A; M = 2^t readings.
Source: Brassard, Hoyer, Mosca and Tapp 2002, https://arxiv.org/abs/quant-ph/0005055, theorem 12.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import pennylane as qml
from numpy.typing import ArrayLike, NDArray

from models.quantum.toolbox.checks import Matrix, at_least, probability, unitary
from models.quantum.toolbox.phase_estimation import estimate

FLOOR = 8 / pi**2
"""A reading within the bound is seen at least this often, 0.811."""


@dataclass(frozen=True)
class Estimate:
    """What was read.

    Args:
        value: the likeliest estimate of a.
        exact: a itself, from the state.
        bound: the error that theorem 12 allows.
        within: probability that a reading keeps to the bound; FLOOR at least.
        calls: of A and its inverse together.
        classical_calls: samples whose standard error is the bound.
        values: the estimate of each reading (M,).
        probabilities: of each reading (M,).
    """

    value: float
    exact: float
    bound: float
    within: float
    calls: int
    classical_calls: float
    values: NDArray[np.float64]
    probabilities: NDArray[np.float64]


def preparation(share: float) -> Matrix:
    """A one-qubit A (2, 2) that reads 1 with this probability."""
    half = np.arcsin(sqrt(probability(share, "share")))
    return np.asarray(qml.RY.compute_matrix(2 * half), np.complex128)


def amplifier(matrix: ArrayLike, good: Sequence[int]) -> Matrix:
    """Grover's operator Q = A (2|0><0| - 1) A^H S, where S flips the sign of good states (N, N)."""
    prepared = unitary(matrix)
    signs = np.ones(len(prepared))
    signs[list(good)] = -1
    about = -np.ones(len(prepared))
    about[0] = 1
    whole: Matrix = (prepared * about) @ prepared.conj().T * signs
    return whole


def estimate_amplitude(matrix: ArrayLike, good: Sequence[int], *, bits: int) -> Estimate:
    """Estimate the probability that A|0>, for a unitary A (N, N), reads a good state on t bits.

    Raises:
        ValueError: A is not unitary, or a good state is not from 0 to N - 1.
    """
    prepared = unitary(matrix)
    at_least(bits, 1, "bits")
    if not good or len(set(good)) < len(good) or not all(0 <= g < len(prepared) for g in good):
        raise ValueError(f"good={list(good)}: different states from 0 to {len(prepared) - 1}")
    start = prepared[:, 0]
    exact = float(np.sum(np.abs(start[list(good)]) ** 2))
    phase = estimate(amplifier(prepared, good), start, bits=bits)
    many = 1 << bits
    values = np.sin(pi * np.arange(many) / many) ** 2
    allowed = error_bound(exact, bits)
    near = np.abs(values - exact) <= allowed + 1e-12
    return Estimate(
        value=float(values[phase.probabilities.argmax()]),
        exact=exact,
        bound=allowed,
        within=float(phase.probabilities[near].sum()),
        calls=2 * phase.calls + 1,
        classical_calls=exact * (1 - exact) / allowed**2,
        values=values,
        probabilities=phase.probabilities,
    )


def error_bound(share: float, bits: int) -> float:
    """2 pi sqrt(a (1 - a)) / M + pi^2 / M^2."""
    many = 1 << bits
    return 2 * pi * sqrt(share * (1 - share)) / many + (pi / many) ** 2
