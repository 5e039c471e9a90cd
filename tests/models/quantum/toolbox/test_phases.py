"""Fourier transform, phase and amplitude estimation, and what is built on them."""

import cmath
import math

import numpy as np
import pennylane as qml
import pytest
import scipy.linalg

from models.quantum.toolbox import amplitude_estimation, hhl, phase_estimation, qft
from models.quantum.toolbox.states import random_pure


def dft(size: int) -> np.ndarray:
    """The matrix from its definition."""
    k = np.arange(size)
    return np.asarray(np.exp(2j * np.pi * np.outer(k, k) / size) / math.sqrt(size))


def test_qft_is_the_discrete_fourier_matrix() -> None:
    made = qml.matrix(qft.circuit, wire_order=range(6))(6)
    assert np.abs(made - dft(64)).max() < 1e-13


def test_qft_takes_the_gates_that_the_book_counts() -> None:
    tape = qml.tape.make_qscript(qft.circuit)(7)
    assert len(tape.operations) == 7 * 8 // 2 + 7 // 2


def test_transform_and_back() -> None:
    vector = random_pure(5, seed=2)
    np.testing.assert_allclose(qft.transform(vector), dft(32) @ vector, atol=1e-12)
    back = qft.transform(qft.transform(vector), inverse=True)
    np.testing.assert_allclose(back, vector, atol=1e-12)


@pytest.mark.parametrize("period", [1, 2, 4, 16])
def test_a_comb_becomes_a_comb(period: int) -> None:
    expected = np.zeros(16)
    expected[:: 16 // period] = 1 / period
    np.testing.assert_allclose(qft.spectrum(4, period), expected, atol=1e-12)


def test_bad_combs_and_vectors() -> None:
    with pytest.raises(ValueError, match="period=9: from 1 to 8"):
        qft.comb(3, 9)
    with pytest.raises(ValueError, match="norm 2: it must be 1"):
        qft.transform([2, 0])


def rotation(phase: float) -> np.ndarray:
    return np.diag([1, cmath.exp(2j * math.pi * phase)])


def test_a_phase_that_fits_is_read_for_sure() -> None:
    found = phase_estimation.estimate(rotation(5 / 16), [0, 1], bits=4)
    assert found.phase == 5 / 16
    assert found.probability == pytest.approx(1, abs=1e-10)
    assert found.calls == 15


@pytest.mark.parametrize("phase", [0.2, 0.5 + 1 / 64, 0.813, 0.999])
@pytest.mark.parametrize("bits", [1, 3, 5])
def test_a_phase_between_readings_follows_the_formula(phase: float, bits: int) -> None:
    found = phase_estimation.estimate(rotation(phase), [0, 1], bits=bits)
    expected = phase_estimation.theory(phase, bits)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-9)
    assert found.probability >= 4 / math.pi**2 - 1e-9
    off = abs(found.phase - phase)
    assert min(off, 1 - off) <= found.resolution / 2 + 1e-12


def test_the_formula_is_that_of_the_book() -> None:
    # |1/M sum_j exp(2 pi i j d)|^2, equation 5.26 of Nielsen and Chuang 2010.
    off = 0.3 - np.arange(8) / 8
    direct = np.abs(np.exp(2j * np.pi * np.outer(off, np.arange(8))).mean(1)) ** 2
    np.testing.assert_allclose(phase_estimation.theory(0.3, 3), direct, atol=1e-12)
    np.testing.assert_allclose(phase_estimation.theory(0.25, 2), [0, 1, 0, 0], atol=1e-12)


def test_two_fifths_at_five_bits() -> None:
    found = phase_estimation.estimate(rotation(0.2), [0, 1], bits=5)
    assert found.phase == 6 / 32
    assert found.probability == pytest.approx(0.573, abs=5e-4)


def test_eigenvectors_are_read_with_their_shares() -> None:
    vector = np.sqrt([0.3, 0.7])
    found = phase_estimation.estimate(rotation(0.25), vector, bits=3)
    assert found.probabilities[0] == pytest.approx(0.3, abs=1e-10)
    assert found.probabilities[2] == pytest.approx(0.7, abs=1e-10)


def test_the_circuit_is_pennylanes() -> None:
    matrix = scipy.linalg.expm(1j * np.array([[0.3, 0.5], [0.5, 1.1]]))

    @qml.qnode(qml.device("default.qubit", wires=4))
    def theirs() -> object:
        qml.StatePrep([0.6, 0.8], wires=[3])
        qml.QuantumPhaseEstimation(matrix, target_wires=[3], estimation_wires=range(3))
        return qml.probs(wires=range(3))

    found = phase_estimation.estimate(matrix, [0.6, 0.8], bits=3)
    np.testing.assert_allclose(found.probabilities, theirs(), atol=1e-10)


def test_matrices_and_vectors_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"not unitary: U U\^H differs from 1 by 3"):
        phase_estimation.estimate([[2, 0], [0, 1]], [0, 1], bits=2)
    with pytest.raises(ValueError, match="a vector of 4 for a matrix of 2"):
        phase_estimation.estimate(np.eye(2), [0, 1, 0, 0], bits=2)
    with pytest.raises(ValueError, match="dimension 3: it must be 2, 4, 8"):
        phase_estimation.estimate(np.eye(3), [0, 1, 0], bits=2)
    with pytest.raises(ValueError, match="not finite"):
        phase_estimation.estimate(np.diag([math.nan, 1.0]), [0, 1], bits=2)
    with pytest.raises(ValueError, match="bits=0: at least 1"):
        phase_estimation.estimate(np.eye(2), [0, 1], bits=0)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.5, 0.77, 1.0])
@pytest.mark.parametrize("bits", [3, 5])
def test_amplitudes_are_within_brassards_bound(share: float, bits: int) -> None:
    made = amplitude_estimation.preparation(share)
    found = amplitude_estimation.estimate_amplitude(made, [1], bits=bits)
    many = 2**bits
    bound = 2 * math.pi * math.sqrt(share * (1 - share)) / many + math.pi**2 / many**2
    assert found.bound == pytest.approx(bound, abs=1e-9)
    assert found.exact == pytest.approx(share, abs=1e-12)
    assert abs(found.value - share) <= bound
    assert found.within >= 8 / math.pi**2 - 1e-9


def test_three_tenths_at_seven_bits() -> None:
    made = amplitude_estimation.preparation(0.3)
    found = amplitude_estimation.estimate_amplitude(made, [1], bits=7)
    assert found.value == pytest.approx(0.3087, abs=5e-5)
    assert found.bound == pytest.approx(0.0231, abs=5e-5)
    assert found.calls == 2 * 127 + 1
    assert found.classical_calls == pytest.approx(0.21 / found.bound**2)


def test_amplitudes_of_two_qubits() -> None:
    spread = qml.matrix(qml.Hadamard(0) @ qml.RY(1.0, 1), wire_order=[0, 1])
    found = amplitude_estimation.estimate_amplitude(spread, [1, 2], bits=6)
    assert found.exact == pytest.approx(0.5, abs=1e-12)
    assert abs(found.value - 0.5) <= found.bound


def test_amplitudes_that_cannot_be_estimated() -> None:
    with pytest.raises(ValueError, match=r"share=1\.2: a probability is from 0 to 1"):
        amplitude_estimation.preparation(1.2)
    with pytest.raises(ValueError, match=r"good=\[2\]: different states from 0 to 1"):
        amplitude_estimation.estimate_amplitude(np.eye(2), [2], bits=2)
    with pytest.raises(ValueError, match="not unitary"):
        amplitude_estimation.estimate_amplitude(np.ones((2, 2)), [1], bits=2)


TWO = np.array([[1.5, 0.5], [0.5, 1.5]])  # eigenvalues 1 and 2
BASIS = scipy.linalg.qr(np.random.default_rng(3).standard_normal((4, 4)))[0]
FOUR = BASIS @ np.diag([1.0, 2.0, -3.0, 5.0]) @ BASIS.T


@pytest.mark.parametrize(
    ("matrix", "vector", "clock"),
    [(TWO, [1.0, 0.0], 3), (TWO, [0.3, -2.0], 4), (FOUR, [1.0, -2.0, 0.5, 3.0], 5)],
)
def test_hhl_solves_where_eigenvalues_fit_the_clock(
    matrix: np.ndarray, vector: list[float], clock: int
) -> None:
    time = 2 * math.pi / 2**clock  # eigenvalues are read as they are
    found = hhl.solve(matrix, vector, clock=clock, time=time)
    assert found.fidelity == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(found.solution, np.linalg.solve(matrix, vector), atol=1e-8)
    sizes = np.abs(np.linalg.eigvalsh(matrix))
    assert found.condition == pytest.approx(sizes.max() / sizes.min())


def test_hhl_takes_complex_systems() -> None:
    matrix = np.array([[1.5, 0.5j], [-0.5j, 1.5]])
    found = hhl.solve(matrix, [1, 1j], clock=3, time=2 * math.pi / 8)
    np.testing.assert_allclose(found.solution, np.linalg.solve(matrix, [1, 1j]), atol=1e-8)


def test_hhl_comes_nearer_with_a_longer_clock() -> None:
    matrix = np.array([[1.0, 0.3], [0.3, 0.6]])
    found = [hhl.solve(matrix, [1, 0.2], clock=clock).fidelity for clock in (4, 6, 8)]
    assert found[0] < found[1] < found[2]
    assert found[2] > 0.999


@pytest.mark.parametrize(
    ("matrix", "vector", "message"),
    [
        ([[1, 2], [0, 1]], [1, 0], r"not Hermitian: .* by 2; solve \[\[0, A\], \[A\^H, 0\]\]"),
        ([[1, 1], [1, 1]], [1, 0], "matrix is singular: an eigenvalue is"),
        (TWO, [0, 0], r"b of shape \(2,\): give 2 numbers, not all 0"),
        (TWO, [1, 0, 0, 0], r"b of shape \(4,\)"),
        ([[1, 0], [0, 0.01]], [1, 1], r"clock=3: 8 readings do not tell eigenvalues of 0\.01"),
    ],
)
def test_systems_that_cannot_be_solved(matrix: object, vector: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hhl.solve(matrix, vector, clock=3)  # type: ignore[arg-type]
