"""How near, how mixed, how entangled: figures of one or two states.

A state is a vector (N,) or a density matrix (N, N), N = 2^n. Entropies are in bits.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import ArrayLike, NDArray

from models.quantum.toolbox.checks import (
    Matrix,
    amplitudes,
    density,
    qubits_of,
    wires_in,
)

SMALL = 1e-15
"""Eigenvalues below this are rounding."""


def fidelity(one: ArrayLike, other: ArrayLike) -> float:
    """(tr sqrt(sqrt(a) b sqrt(a)))^2: 1 for equal states; the squared form, as in PennyLane."""
    a, b = np.asarray(one, np.complex128), np.asarray(other, np.complex128)
    _same_size(len(a), len(b))
    if b.ndim == 1:
        a, b = b, a
    if a.ndim == 2:
        return float(qml.math.fidelity(density(a), density(b)))
    vector = amplitudes(a)
    if b.ndim == 1:
        return float(abs(np.vdot(vector, amplitudes(b))) ** 2)
    return float(np.vdot(vector, density(b) @ vector).real)


def trace_distance(one: ArrayLike, other: ArrayLike) -> float:
    """Half the sum of the absolute eigenvalues of the difference: 0 for equal, 1 for orthogonal."""
    a, b = density(one), density(other)
    _same_size(len(a), len(b))
    return float(np.abs(np.linalg.eigvalsh(a - b)).sum() / 2)


def purity(state: ArrayLike) -> float:
    """tr rho^2: 1 for a pure state, 1 / N for the maximally mixed one."""
    return float(np.sum(np.abs(density(state)) ** 2))


def entropy(state: ArrayLike) -> float:
    """Von Neumann's -tr rho log2 rho: 0 for a pure state, n for the maximally mixed one."""
    return _entropy(np.linalg.eigvalsh(density(state)))


def reduced(state: ArrayLike, wires: Sequence[int]) -> Matrix:
    """The density matrix of these wires alone, in their order."""
    array = np.asarray(state, np.complex128)
    qubits = qubits_of(len(array), "state")
    kept = wires_in(wires, qubits)
    if array.ndim == 1:
        # Without the full density matrix, which 4^n numbers would take.
        rest = [wire for wire in range(qubits) if wire not in kept]
        split = amplitudes(array).reshape([2] * qubits).transpose([*kept, *rest])
        rows = split.reshape(1 << len(kept), -1)
        return rows @ rows.conj().T
    return np.asarray(qml.math.reduce_dm(density(array), kept), np.complex128)


def entanglement_entropy(state: ArrayLike, wires: Sequence[int]) -> float:
    """Entropy of a part of a pure state (N,), in bits: 0 for a product, 1 for half a Bell pair."""
    array = np.asarray(state, np.complex128)
    if array.ndim != 1:
        raise ValueError("entanglement entropy is of a pure state: give a vector (2^n,)")
    return _entropy(np.linalg.eigvalsh(reduced(array, wires)))


def concurrence(state: ArrayLike) -> float:
    """Of two qubits: 0 where they are separable, 1 for a Bell state.

    Source: Wootters 1998, https://arxiv.org/abs/quant-ph/9709029.
    """
    rho = density(state)
    if len(rho) != 4:
        raise ValueError(f"concurrence of a state of dimension {len(rho)}: it is of two qubits (4)")
    values, vectors = np.linalg.eigh(rho)
    # Rounding of the eigenvalues goes first: its square root would be 1e-8.
    parts = vectors * np.sqrt(np.where(values > SMALL, values, 0))
    flip = np.fliplr(np.diag([-1.0, 1.0, 1.0, -1.0]))  # Y (x) Y
    roots = np.linalg.svd(parts.T @ flip @ parts, compute_uv=False)
    return float(max(0.0, roots[0] - roots[1:].sum()))


def negativity(state: ArrayLike, wires: Sequence[int]) -> float:
    """Sum of the negative eigenvalues, as a positive number, once `wires` are transposed.

    Above 0 only for entangled states; 1/2 for a Bell state. Source: Vidal and Werner 2002,
    https://arxiv.org/abs/quant-ph/0102117.
    """
    rho = density(state)
    qubits = qubits_of(len(rho), "state")
    chosen = wires_in(wires, qubits)
    axes = list(range(2 * qubits))
    for wire in chosen:
        axes[wire], axes[qubits + wire] = axes[qubits + wire], axes[wire]
    turned = rho.reshape([2] * (2 * qubits)).transpose(axes).reshape(rho.shape)
    values = np.linalg.eigvalsh(turned)
    return float(-values[values < 0].sum())


def _entropy(values: NDArray[np.floating[Any]]) -> float:
    kept = values[values > SMALL]
    return float(max(0.0, -(kept * np.log2(kept)).sum()))


def _same_size(one: int, other: int) -> None:
    if one != other:
        raise ValueError(f"states of dimensions {one} and {other}: they must be of one size")
