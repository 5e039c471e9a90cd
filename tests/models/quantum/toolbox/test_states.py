"""Named states are what their formulas say; random ones have the moments of their measures."""

import math

import numpy as np
import pennylane as qml
import pytest

from models.quantum.toolbox.measures import purity
from models.quantum.toolbox.states import (
    BELL,
    STATES,
    load,
    prepare,
    random_mixed,
    random_pure,
    vector,
)

HALF = 1 / math.sqrt(2)
# Nielsen and Chuang 2010, equations 1.14 to 1.17, in the order |00>, |01>, |10>, |11>.
BELL_VECTORS = {
    "phi+": [HALF, 0, 0, HALF],
    "phi-": [HALF, 0, 0, -HALF],
    "psi+": [0, HALF, HALF, 0],
    "psi-": [0, HALF, -HALF, 0],
}


@pytest.mark.parametrize("name", BELL)
def test_bell_states(name: str) -> None:
    np.testing.assert_allclose(vector(name, 2), BELL_VECTORS[name], atol=1e-14)


@pytest.mark.parametrize("qubits", [1, 3, 6])
def test_superposition_is_even(qubits: int) -> None:
    size = 2**qubits
    expected = np.full(size, size**-0.5)
    np.testing.assert_allclose(vector("superposition", qubits), expected, atol=1e-14)


@pytest.mark.parametrize("qubits", [2, 3, 7])
def test_ghz_is_all_zeros_and_all_ones(qubits: int) -> None:
    expected = np.zeros(2**qubits)
    expected[[0, -1]] = HALF
    np.testing.assert_allclose(vector("ghz", qubits), expected, atol=1e-14)


@pytest.mark.parametrize("qubits", [1, 2, 3, 5, 8])
def test_w_has_one_excitation_anywhere(qubits: int) -> None:
    expected = np.zeros(2**qubits)
    expected[[1 << i for i in range(qubits)]] = qubits**-0.5
    np.testing.assert_allclose(vector("w", qubits), expected, atol=1e-13)


def test_loaded_amplitudes_come_back() -> None:
    drawn = random_pure(3, seed=1)

    @qml.qnode(qml.device("default.qubit", wires=3))
    def circuit() -> object:
        load(drawn, range(3))
        return qml.state()

    np.testing.assert_allclose(circuit(), drawn, atol=1e-12)


def test_random_states_repeat_by_seed() -> None:
    np.testing.assert_array_equal(random_pure(4, seed=3), random_pure(4, seed=3))
    np.testing.assert_array_equal(random_mixed(2, seed=3), random_mixed(2, seed=3))
    assert not np.allclose(random_pure(4, seed=3), random_pure(4, seed=4))


def test_random_pure_states_have_haar_moments() -> None:
    # E |a_i|^4 = 2 / (N (N + 1)) under the Haar measure.
    fourth = np.mean([np.abs(random_pure(3, seed=seed)) ** 4 for seed in range(400)])
    assert fourth == pytest.approx(2 / (8 * 9), rel=0.02)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_random_mixed_states_have_the_purity_of_their_measure(rank: int) -> None:
    # (N + K) / (N K + 1): Zyczkowski and Sommers 2001, https://arxiv.org/abs/quant-ph/0012101.
    drawn = [random_mixed(2, seed=seed, rank=rank) for seed in range(400)]
    assert np.mean([purity(state) for state in drawn]) == pytest.approx(
        (4 + rank) / (4 * rank + 1), rel=0.02
    )
    assert all(np.linalg.matrix_rank(state, tol=1e-10) == rank for state in drawn)


def test_unknown_states_name_the_known() -> None:
    with pytest.raises(ValueError, match=r"state 'cat' is not known: take one of .*ghz, w") as told:
        vector("cat", 3)
    assert all(name in str(told.value) for name in STATES)


def test_a_bell_state_takes_two_wires() -> None:
    with pytest.raises(ValueError, match=r"'phi\+' on 3 wires: a Bell state takes 2"):
        prepare("phi+", range(3))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 1], r"norm 1\.41421: it must be 1; divide by the norm"),
        ([math.nan, 0], r"norm nan: it must be 1"),
        ([1, 0, 0], r"dimension 3: it must be 2, 4, 8"),
        ([[1, 0]], r"shape \(1, 2\): give one vector"),
        ([1, 0, 0, 0], r"4 amplitudes on 1 wires: 2 are needed"),
        ([], r"dimension 0"),
    ],
)
def test_amplitudes_that_are_no_state(values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(values, [0])


def test_a_rank_below_one() -> None:
    with pytest.raises(ValueError, match="rank=0: at least 1"):
        random_mixed(2, seed=0, rank=0)
