"""What a vector, a matrix, a probability must be before a circuit is made from it.

Shapes: N = 2^n for n qubits.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.complex128]
Matrix = NDArray[np.complex128]

TOLERANCE = 1e-8
"""Rounding that is let through: of a norm, of a trace, of an entry of U U^H."""


def qubits_of(dimension: int, what: str) -> int:
    """n for a dimension of 2^n, n >= 1."""
    n = dimension.bit_length() - 1
    if n < 1 or dimension != 1 << n:
        raise ValueError(f"{what} of dimension {dimension}: it must be 2, 4, 8, ...; pad with 0")
    return n


def amplitudes(values: ArrayLike) -> Vector:
    """A state vector (N,) of norm 1."""
    vector = np.asarray(values, np.complex128)
    if vector.ndim != 1:
        raise ValueError(f"amplitudes of shape {vector.shape}: give one vector (2^n,)")
    qubits_of(len(vector), "amplitudes")
    norm = float(np.linalg.norm(vector))
    if not abs(norm - 1) <= TOLERANCE:
        raise ValueError(f"amplitudes with norm {norm:.6g}: it must be 1; divide by the norm")
    return vector


def square(values: ArrayLike, what: str) -> Matrix:
    """A finite matrix (N, N)."""
    matrix = np.asarray(values, np.complex128)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{what} of shape {matrix.shape}: it must be square")
    qubits_of(len(matrix), what)
    if not np.isfinite(matrix).all():
        raise ValueError(f"{what} has entries that are not finite")
    return matrix


def unitary(values: ArrayLike) -> Matrix:
    """A matrix U (N, N) with U U^H = 1."""
    matrix = square(values, "unitary")
    off = float(np.abs(matrix @ matrix.conj().T - np.eye(len(matrix))).max())
    if off > TOLERANCE:
        raise ValueError(
            f"matrix is not unitary: U U^H differs from 1 by {off:.3g}; "
            "orthonormalise its columns, or give exp(i t H) of a Hermitian H"
        )
    return matrix


def hermitian(values: ArrayLike, what: str, *, instead: str) -> Matrix:
    """A matrix (N, N) that equals its conjugate transpose; `instead` says what to do else."""
    matrix = square(values, what)
    off = float(np.abs(matrix - matrix.conj().T).max())
    if off > TOLERANCE:
        raise ValueError(f"{what} is not Hermitian: it differs from A^H by {off:.3g}; {instead}")
    return matrix


def density(values: ArrayLike) -> Matrix:
    """A density matrix (N, N): as given, or of a state vector (N,)."""
    array = np.asarray(values, np.complex128)
    if array.ndim == 1:
        vector = amplitudes(array)
        whole: Matrix = vector[:, None] * vector.conj()
        return whole
    matrix = hermitian(array, "density matrix", instead="give (A + A^H) / 2")
    trace = float(np.trace(matrix).real)
    if abs(trace - 1) > TOLERANCE:
        raise ValueError(f"density matrix with trace {trace:.6g}: it must be 1; divide by it")
    least = float(np.linalg.eigvalsh(matrix)[0])
    if least < -TOLERANCE:
        raise ValueError(f"density matrix with eigenvalue {least:.3g}: none may be negative")
    return matrix


def probability(value: float, what: str) -> float:
    """A number from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{what}={value}: a probability is from 0 to 1")
    return float(value)


def bits(text: str, *, length: int | None = None, what: str = "secret") -> tuple[int, ...]:
    """`"0110"` as (0, 1, 1, 0), the first bit on wire 0."""
    if not text or set(text) - {"0", "1"}:
        raise ValueError(f"{what}={text!r}: give zeros and ones, such as '0110'")
    if length is not None and len(text) != length:
        raise ValueError(f"{what}={text!r} has {len(text)} bits: {length} are needed")
    return tuple(int(bit) for bit in text)


def wires_in(wires: Iterable[int], qubits: int) -> tuple[int, ...]:
    """Different wires of a state of so many qubits."""
    found = tuple(wires)
    if not found or len(set(found)) < len(found) or any(not 0 <= w < qubits for w in found):
        raise ValueError(f"wires={list(found)}: give different wires from 0 to {qubits - 1}")
    return found


def at_least(value: int, least: int, what: str) -> int:
    """A whole number that is not too small."""
    if value < least:
        raise ValueError(f"{what}={value}: at least {least}")
    return value


def one_of(name: str, allowed: Sequence[str], what: str) -> str:
    """A name from a list; the error tells the list."""
    if name not in allowed:
        raise ValueError(f"{what} {name!r} is not known: take one of {', '.join(allowed)}")
    return name
