"""Figures of states against closed forms, and against scipy and PennyLane on random states."""

import math

import numpy as np
import pennylane as qml
import pytest
import scipy.linalg

from models.quantum.toolbox.measures import (
    concurrence,
    entanglement_entropy,
    entropy,
    fidelity,
    negativity,
    purity,
    reduced,
    trace_distance,
)
from models.quantum.toolbox.states import BELL, random_mixed, random_pure, vector


def werner(p: float) -> np.ndarray:
    """A singlet with share p of 1, the rest maximally mixed."""
    singlet = vector("psi-", 2)
    return p * np.outer(singlet, singlet.conj()) + (1 - p) * np.eye(4) / 4


def binary(p: float) -> float:
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


@pytest.mark.parametrize("p", [0.0, 0.2, 1 / 3, 0.5, 0.9, 1.0])
def test_werner_states(p: float) -> None:
    # Closed forms: Wootters 1998 for the concurrence, Vidal and Werner 2002 for the negativity.
    state = werner(p)
    assert concurrence(state) == pytest.approx(max(0, (3 * p - 1) / 2), abs=1e-10)
    assert negativity(state, [0]) == pytest.approx(max(0, (3 * p - 1) / 4), abs=1e-10)
    assert fidelity(vector("psi-", 2), state) == pytest.approx((1 + 3 * p) / 4, abs=1e-10)
    assert purity(state) == pytest.approx((1 + 3 * p**2) / 4, abs=1e-10)


@pytest.mark.parametrize("name", BELL)
def test_bell_states_are_maximally_entangled(name: str) -> None:
    state = vector(name, 2)
    assert concurrence(state) == pytest.approx(1, abs=1e-10)
    assert negativity(state, [1]) == pytest.approx(0.5, abs=1e-10)
    assert entanglement_entropy(state, [0]) == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("qubits", [3, 4, 6])
def test_two_qubits_of_w_have_concurrence_two_over_n(qubits: int) -> None:
    # Koashi, Buzek and Imoto 2000, https://arxiv.org/abs/quant-ph/0007086.
    state = vector("w", qubits)
    assert concurrence(reduced(state, [0, qubits - 1])) == pytest.approx(2 / qubits, abs=1e-10)
    assert entanglement_entropy(state, [1]) == pytest.approx(binary(1 / qubits), abs=1e-10)


def test_two_qubits_of_ghz_are_not_entangled_but_any_cut_holds_one_bit() -> None:
    state = vector("ghz", 5)
    assert concurrence(reduced(state, [1, 3])) == pytest.approx(0, abs=1e-10)
    for part in ([0], [1, 3], [4, 0, 2]):
        assert entanglement_entropy(state, part) == pytest.approx(1, abs=1e-10)


def test_products_are_not_entangled() -> None:
    product = np.kron(random_pure(1, seed=1), random_pure(1, seed=2))
    assert concurrence(product) == pytest.approx(0, abs=1e-10)
    assert negativity(product, [0]) == pytest.approx(0, abs=1e-10)
    assert entanglement_entropy(product, [1]) == pytest.approx(0, abs=1e-10)


def test_a_pure_pair_of_qubits_by_its_schmidt_angle() -> None:
    # cos t |00> + sin t |11>: concurrence sin 2t, negativity half of it.
    state = np.array([math.cos(0.3), 0, 0, math.sin(0.3)])
    assert concurrence(state) == pytest.approx(math.sin(0.6), abs=1e-12)
    assert negativity(state, [0]) == pytest.approx(math.sin(0.6) / 2, abs=1e-12)
    assert entanglement_entropy(state, [0]) == pytest.approx(binary(math.cos(0.3) ** 2), abs=1e-12)


def test_random_haar_states_are_entangled_as_page_says() -> None:
    # sum_{k=n+1}^{mn} 1/k - (m-1)/(2n) nats, m <= n: https://arxiv.org/abs/gr-qc/9305007.
    found = [entanglement_entropy(random_pure(5, seed=seed), [0, 3]) for seed in range(100)]
    m, n = 4, 8
    expected = sum(1 / k for k in range(n + 1, m * n + 1)) - (m - 1) / (2 * n)
    assert np.mean(found) == pytest.approx(expected / math.log(2), rel=0.01)


def test_the_maximally_mixed_state() -> None:
    even = np.eye(8) / 8
    assert entropy(even) == pytest.approx(3, abs=1e-12)
    assert purity(even) == pytest.approx(1 / 8, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_fidelity_and_distance_of_random_states(seed: int) -> None:
    a, b = random_mixed(3, seed=seed), random_mixed(3, seed=seed + 100, rank=3)
    root = scipy.linalg.sqrtm(a)
    expected = np.trace(scipy.linalg.sqrtm(root @ b @ root)).real ** 2
    assert fidelity(a, b) == pytest.approx(expected, abs=1e-7)
    distance = trace_distance(a, b)
    assert distance == pytest.approx(scipy.linalg.svdvals(a - b).sum() / 2, abs=1e-12)
    # Fuchs and van de Graaf 1999, https://arxiv.org/abs/quant-ph/9712042.
    assert 1 - math.sqrt(expected) <= distance <= math.sqrt(1 - expected)


def test_pure_states() -> None:
    a, b = random_pure(4, seed=1), random_pure(4, seed=2)
    overlap = abs(np.vdot(a, b)) ** 2
    assert fidelity(a, b) == pytest.approx(overlap, abs=1e-14)
    assert fidelity(np.outer(a, a.conj()), b) == pytest.approx(overlap, abs=1e-14)
    assert trace_distance(a, b) == pytest.approx(math.sqrt(1 - overlap), abs=1e-10)
    assert fidelity(a, a) == pytest.approx(1, abs=1e-14)
    assert trace_distance(a, a) == pytest.approx(0, abs=1e-14)


def test_parts_of_a_vector_and_of_its_matrix_are_the_same() -> None:
    state = random_pure(4, seed=7)
    whole = np.outer(state, state.conj())
    for wires in ([2], [0, 3], [3, 1]):
        found = reduced(state, wires)
        np.testing.assert_allclose(found, reduced(whole, wires), atol=1e-12)
        np.testing.assert_allclose(found, qml.math.reduce_statevector(state, wires), atol=1e-12)


def test_entropy_agrees_with_pennylane() -> None:
    state = random_mixed(3, seed=11)
    expected = float(qml.math.vn_entropy(state, range(3), base=2))
    assert entropy(state) == pytest.approx(expected, abs=1e-10)


def test_states_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="dimension 8: it is of two qubits"):
        concurrence(vector("ghz", 3))
    with pytest.raises(ValueError, match="dimensions 4 and 2: they must be of one size"):
        fidelity(vector("ghz", 2), [1, 0])
    with pytest.raises(ValueError, match="give a vector"):
        entanglement_entropy(np.eye(4) / 4, [0])
    with pytest.raises(ValueError, match="norm 2: it must be 1"):
        fidelity([2, 0], [1, 0])
