"""Simon's problem: f(x) = f(y) only where y = x or y = x XOR s. Find s.

Each question gives a random y with y.s = 0 mod 2; n - 1 independent ones leave two candidates, 0
and s. Source: Simon 1997, https://doi.org/10.1137/S0097539796298637.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from models.quantum.toolbox.checks import at_least, bits
from models.quantum.toolbox.simulators import vector_device


@dataclass(frozen=True)
class Hidden:
    """What was found.

    Args:
        found: the hidden string; all zeros where f is one to one.
        calls: questions to the oracle, two for the final check included.
        expected_calls: the same on average over seeds.
        classical_calls: questions of a classical search for a collision, on average.
    """

    found: str
    calls: int
    expected_calls: float
    classical_calls: float


def circuit(secret: str) -> None:
    """Queue it: x on wires 0 to n - 1, f(x) on wires n to 2n - 1.

    f copies x, and XORs s onto it where the first bit that is 1 in s is 1 in x.
    """
    ones = bits(secret)
    n = len(ones)
    for wire in range(n):
        qml.Hadamard(wire)
    for wire in range(n):
        qml.CNOT([wire, n + wire])
    if any(ones):
        first = ones.index(1)
        for wire, one in enumerate(ones):
            if one:
                qml.CNOT([first, n + wire])
    for wire in range(n):
        qml.Hadamard(wire)


def answers(secret: str) -> NDArray[np.float64]:
    """Probabilities (N,) of each y: 2 / N where y.s = 0 mod 2 and 0 elsewhere (s not 0)."""
    n = len(bits(secret))

    def run() -> object:
        circuit(secret)
        return qml.probs(wires=range(n))

    return np.asarray(qml.QNode(run, vector_device(2 * n))(), np.float64)


def find(secret: str, *, seed: int, length: int | None = None) -> Hidden:
    """Ask an oracle that hides `secret` until only one string is left.

    Raises:
        ValueError: the secret is no string of 2 bits or more, or not of the given length.
    """
    n = at_least(len(bits(secret, length=length)), 2, "bits of the secret")
    probabilities = answers(secret)
    rng = np.random.default_rng(seed)
    basis: list[int] = []
    calls = 0
    while len(basis) < n - 1:
        calls += 1
        drawn = int(rng.choice(len(probabilities), p=probabilities / probabilities.sum()))
        basis = independent([*basis, drawn])
    candidate = orthogonal(basis, n)
    same = _value(0, secret) == _value(candidate, secret)
    return Hidden(
        found=f"{candidate if same else 0:0{n}b}",
        calls=calls + 2,
        expected_calls=2 + expected_answers(n, one_to_one="1" not in secret),
        classical_calls=collision_calls(n),
    )


def independent(rows: Iterable[int]) -> list[int]:
    """Rows over GF(2), as bit masks, reduced to independent ones by Gauss and Jordan."""
    basis: list[int] = []
    for row in rows:
        left = row
        for known in basis:
            left = min(left, left ^ known)
        if left:
            top = 1 << (left.bit_length() - 1)
            basis = [known ^ left if known & top else known for known in basis]
            basis.append(left)
    return basis


def orthogonal(basis: Iterable[int], bits: int) -> int:
    """The one nonzero string whose product with n - 1 independent, reduced rows is even."""
    rows = list(basis)
    pivots = [row.bit_length() - 1 for row in rows]
    (free,) = set(range(bits)) - set(pivots)
    found = 1 << free
    for row, pivot in zip(rows, pivots, strict=True):
        found |= (row >> free & 1) << pivot
    return found


def expected_answers(n: int, *, one_to_one: bool) -> float:
    """Answers until n - 1 are independent: drawn from 2^(n-1) strings, or from 2^n if s is 0."""
    dimensions = n if one_to_one else n - 1
    return float(sum(1 / (1 - 2.0 ** (known - dimensions)) for known in range(n - 1)))


def collision_calls(n: int) -> float:
    """Distinct x until two share a value: 4^m / C(2m, m) for m = 2^(n-1) pairs."""
    pairs = 1 << (n - 1)
    return float(4**pairs / comb(2 * pairs, pairs))


def _value(x: int, secret: str) -> int:
    """f(x), as the circuit has it."""
    mask = int(secret, 2)
    first = 1 << (mask.bit_length() - 1) if mask else 0
    return x ^ mask if x & first else x
