"""Harrow, Hassidim and Lloyd's algorithm: a state proportional to the solution of A x = b.

The eigenvalues of A are read by phase estimation, a qubit is turned by 1 / eigenvalue, and where it
reads 1 the state holds the solution. Reading all of it out would cost what was gained: it serves
where a few figures of the solution are wanted. Shapes: N = 2^n; t clock bits.
Source: https://arxiv.org/abs/0811.3171.
"""

from dataclasses import dataclass
from math import asin, pi

import numpy as np
import pennylane as qml
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from models.quantum.toolbox.checks import Matrix, Vector, at_least, hermitian
from models.quantum.toolbox.simulators import vector_device

SINGULAR = 1e-10
"""An eigenvalue below this part of the largest is 0."""


@dataclass(frozen=True)
class Solution:
    """What was found.

    Args:
        solution: x (N,), from the state, its norm from the success probability.
        fidelity: of the normalised state to the solution by numpy.
        success: probability that the turned qubit reads 1.
        condition: largest over smallest eigenvalue, without signs.
    """

    solution: Vector
    fidelity: float
    success: float
    condition: float


@dataclass(frozen=True)
class _Plan:
    matrix: Matrix
    vector: Vector
    clock: int
    time: float
    unit: float  # the eigenvalue that the clock reads as 1
    angles: NDArray[np.float64]
    condition: float


def plan(matrix: ArrayLike, vector: ArrayLike, *, clock: int, time: float | None = None) -> _Plan:
    """Check a system and choose its time and angles.

    Raises:
        ValueError: A is not Hermitian or singular, b is 0 or of another size, or the clock is too
            coarse for the smallest eigenvalue, or too short for the largest.
    """
    checked = hermitian(
        matrix, "matrix of the system", instead="solve [[0, A], [A^H, 0]] (0, x) = (b, 0)"
    )
    right = np.asarray(vector, np.complex128)
    if right.shape != (len(checked),) or not np.isfinite(right).all() or not right.any():
        raise ValueError(f"b of shape {right.shape}: give {len(checked)} numbers, not all 0")
    sizes = np.abs(np.linalg.eigvalsh(checked))
    least, most = float(sizes.min()), float(sizes.max())
    if least <= SINGULAR * most:
        raise ValueError(
            f"matrix is singular: an eigenvalue is {least:.3g}, the largest {most:.3g}; "
            "there is no one solution"
        )
    at_least(clock, 2, "clock")
    # The upper half of the readings are negative eigenvalues.
    half = 1 << (clock - 1)
    chosen = pi * (half - 1) / half / most if time is None else time
    unit = pi / half / chosen
    if least < unit / 2 or most > (half - 0.5) * unit:
        raise ValueError(
            f"clock={clock}: {1 << clock} readings do not tell eigenvalues of {least:.3g} from 0 "
            f"or reach {most:.3g}; take more bits, or a time other than {chosen:.3g}"
        )
    readings = np.arange(2 * half)
    signed = np.where(readings < half, readings, readings - 2 * half)
    angles = np.array([2 * asin(1 / k) if k else 0.0 for k in signed.tolist()])
    return _Plan(checked, right, clock, chosen, unit, angles, most / least)


def circuit(made: _Plan) -> None:
    """Queue it: the qubit that is turned on wire 0, then the clock, then b."""
    clock = range(1, made.clock + 1)
    target = range(made.clock + 1, made.clock + len(made.matrix).bit_length())
    qml.StatePrep(made.vector / np.linalg.norm(made.vector), wires=target)
    step = scipy.linalg.expm(1j * made.time * made.matrix)
    qml.QuantumPhaseEstimation(step, target_wires=target, estimation_wires=clock)
    qml.SelectPauliRot(made.angles, control_wires=clock, target_wire=0, rot_axis="Y")
    qml.adjoint(qml.QuantumPhaseEstimation)(step, target_wires=target, estimation_wires=clock)


def solve(
    matrix: ArrayLike, vector: ArrayLike, *, clock: int, time: float | None = None
) -> Solution:
    """Solve A x = b for a Hermitian A (N, N) and b (N,).

    Args:
        matrix: A.
        vector: b, of any norm but 0.
        clock: bits t of the phase estimation.
        time: A's eigenvalues are read in units of 2 pi / (2^t time): exact where all are whole
            multiples. The largest one fills the clock if not given.

    Raises:
        ValueError: as `plan` has it.
    """
    made = plan(matrix, vector, clock=clock, time=time)
    size = len(made.matrix)

    def run() -> object:
        circuit(made)
        return qml.state()

    wires = 1 + clock + size.bit_length() - 1
    state = np.asarray(qml.QNode(run, vector_device(wires))(), np.complex128)
    # The turned qubit reads 1, the clock is back at 0.
    kept = state.reshape(2, 1 << clock, size)[1, 0]
    success = float(np.linalg.norm(kept) ** 2)
    found: Vector = kept * (np.linalg.norm(made.vector) / made.unit)
    exact = np.linalg.solve(made.matrix, made.vector)
    overlap = np.vdot(exact, kept) / np.linalg.norm(exact) / np.linalg.norm(kept)
    return Solution(found, float(abs(overlap) ** 2), success, made.condition)
