"""Quantum kernels: how alike two samples are is the overlap of the states that encode them.

K(x, x') = |<psi(x)|psi(x')>|^2, for two encodings of Bowles, Ahmed & Schuld 2024
(https://arxiv.org/abs/2403.07059): one of single qubits, which a classical computer follows at any
width, and one of instantaneous quantum polynomial (IQP) circuits (Havlicek et al. 2019,
https://arxiv.org/abs/1804.11326), which is believed to be hard.

A state is made once for each sample and kept; all overlaps are then inner products. A simulator can
do so. A quantum computer cannot read a state out: there every entry is a circuit of its own, run as
often as its precision asks for (`pairwise_circuits` counts them).

Shapes: N and M samples, D features (one qubit each), S = 2^D amplitudes.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import psutil
from numpy.typing import NDArray

Floats = NDArray[np.float64]
States = NDArray[np.complex128]
AMPLITUDE = np.dtype(np.complex128).itemsize
WORKING = 7
"""Arrays as large as the states that are alive while states are made."""
SHARE = 0.5
"""Of the memory that is free: the kernel is not alone."""


class Kernel(Protocol):
    """What turns samples into states, and two lots of states into their overlaps."""

    def states(self, x: Floats) -> States:
        """x: (N, D) angles. Gives N states, in whichever shape `overlaps` takes."""

    def overlaps(self, a: States, b: States) -> Floats:
        """(N, M) values in [0, 1] from the states of N and of M samples."""


@dataclass(frozen=True)
class SeparableKernel:
    """No qubit knows of another: (RY(-x) RX(-pi/4))^layers on each.

    The state is a product, so that D vectors of two amplitudes say all: (N, D, 2).

    Args:
        layers: how often the features go in.

    Raises:
        ValueError: layers below 1.
    """

    layers: int = 1

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise ValueError(f"layers={self.layers}: features go in at least once; use 1 or more")

    def states(self, x: Floats) -> States:
        x = checked(x)
        cosine, sine = np.cos(x / 2), np.sin(x / 2)
        tilt, turn = np.cos(np.pi / 8), 1j * np.sin(np.pi / 8)  # RX(-pi/4)
        up, down = np.ones(x.shape, complex), np.zeros(x.shape, complex)
        for _ in range(self.layers):
            up, down = tilt * up + turn * down, turn * up + tilt * down
            up, down = cosine * up + sine * down, cosine * down - sine * up  # RY(-x)
        return np.stack([up, down], axis=-1)

    def overlaps(self, a: States, b: States) -> Floats:
        found = np.ones((len(a), len(b)))
        for one, other in zip(a.swapaxes(0, 1), b.swapaxes(0, 1), strict=True):
            found *= np.abs(one.conj() @ other.T) ** 2
        return found


@dataclass(frozen=True)
class IQPKernel:
    """Hadamards, then rotations about Z by features and, of pairs, by products of two; repeated.

    PennyLane's `IQPEmbedding` on all pairs. All rotations of a repetition are diagonal, so that
    they are one phase for each amplitude: with s = sum of +-x_i,
    sum over pairs of (+-x_i)(+-x_j) = (s^2 - |x|^2) / 2. States are (N, S).

    Args:
        repeats: how often.
        pairs_once: pairs are rotated in the first repetition alone, and qubits in all. PennyLane
            did so when the paper was written, for its list of pairs was used up by then: without
            it, the published accuracies of 5 and 10 repetitions do not come out.

    Raises:
        ValueError: repeats below 1.
    """

    repeats: int = 1
    pairs_once: bool = False

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"repeats={self.repeats}: features go in at least once; use 1 or more")

    def states(self, x: Floats) -> States:
        """The states.

        Raises:
            ValueError: they do not fit into memory, or x is not (N, D) of finite numbers.
        """
        x = checked(x)
        _fits(*x.shape)
        total = x @ _signs(x.shape[1])
        squares = (x**2).sum(axis=1, keepdims=True)
        alone: States = np.exp(-0.5j * total)
        whole: States = alone * np.exp(-0.25j * (total**2 - squares))
        found: States = whole / np.sqrt(whole.shape[1])
        for _ in range(self.repeats - 1):
            found = _hadamards(found) * (alone if self.pairs_once else whole)
        return found

    def overlaps(self, a: States, b: States) -> Floats:
        found: Floats = np.abs(a.conj() @ b.T) ** 2
        return found


def pairwise_circuits(train: int, test: int) -> int:
    """Circuits to fit on `train` samples and judge `test`, where each entry is one of its own.

    The matrix of the training samples is symmetric with ones on its diagonal; each test sample
    meets each training sample.
    """
    return train * (train - 1) // 2 + test * train


def checked(x: Floats) -> Floats:
    """x as float64.

    Raises:
        ValueError: x is not (N, D) with N and D at least 1, or holds what is not a number.
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"x of shape {x.shape}: samples are rows of at least one feature, (N, D)")
    if not np.isfinite(x).all():
        row = int(np.argmin(np.isfinite(x).all(axis=1)))
        raise ValueError(f"sample {row} holds nan or inf: clean or drop it first")
    return x


def _fits(samples: int, qubits: int) -> None:
    free = SHARE * psutil.virtual_memory().available / WORKING
    need = samples * AMPLITUDE * 2.0 ** min(qubits, 900)  # a float has no room for more
    if need > free:
        most = int(np.log2(max(free / (samples * AMPLITUDE), 1)))
        raise ValueError(
            f"{qubits} features: {samples} states of {qubits} qubits need "
            f"{need * WORKING / 1e9:.3g} GB, {free * WORKING / 1e9:.3g} GB may be used: "
            f"use at most {most} features (fewer by PCA), or fewer samples at once"
        )


def _signs(qubits: int) -> Floats:
    # (D, S): +1 where the qubit is 0; the first one is the most significant bit, as in PennyLane.
    bits = np.arange(2**qubits) >> np.arange(qubits)[::-1, None] & 1
    signs: Floats = 1.0 - 2.0 * bits
    return signs


def _hadamards(states: States) -> States:
    # One on each qubit: a Walsh-Hadamard transform, one qubit after the other.
    count, size = states.shape
    for step in (2**k for k in range(size.bit_length() - 1)):
        pairs = states.reshape(count, -1, 2, step)
        up, down = pairs[:, :, 0], pairs[:, :, 1]
        states = np.stack([up + down, up - down], axis=2).reshape(count, size)
    states /= np.sqrt(size)
    return states
