"""Channels do what their closed forms say, and readout errors are the same in three forms."""

import numpy as np
import pennylane as qml
import pytest

from models.quantum.toolbox.channels import (
    CHANNELS,
    add,
    add_readout,
    apply,
    confusion,
    kraus,
    read,
)
from models.quantum.toolbox.measures import fidelity
from models.quantum.toolbox.states import random_mixed, random_pure, vector

STRENGTHS = [0.0, 0.1, 0.37, 0.75]
PLUS = np.array([1, 1]) / np.sqrt(2)
ONE = np.array([0, 1])


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_kraus_operators_are_complete(name: str, strength: float) -> None:
    operators = kraus(name, strength)
    total = np.einsum("kji,kjl->il", operators.conj(), operators)
    np.testing.assert_allclose(total, np.eye(2), atol=1e-12)


@pytest.mark.parametrize("name", CHANNELS)
def test_the_device_agrees_with_the_kraus_sum(name: str) -> None:
    state, lone = random_mixed(2, seed=5), np.eye(2)
    operators = [np.kron(lone, operator) for operator in kraus(name, 0.2)]
    expected = sum(k @ state @ k.conj().T for k in operators)
    np.testing.assert_allclose(apply(name, 0.2, state, [1]), expected, atol=1e-12)


@pytest.mark.parametrize("p", STRENGTHS)
def test_a_depolarised_bell_pair_has_fidelity_one_minus_p(p: float) -> None:
    # X, Y and Z with p / 3 each lead to the three other Bell states, orthogonal to the first.
    bell = vector("phi+", 2)
    assert fidelity(bell, apply("depolarising", p, bell, [0])) == pytest.approx(1 - p, abs=1e-12)


def test_three_quarters_depolarise_completely() -> None:
    left = apply("depolarising", 0.75, random_pure(1, seed=0), [0])
    np.testing.assert_allclose(left, np.eye(2) / 2, atol=1e-12)


@pytest.mark.parametrize("p", STRENGTHS)
def test_amplitude_damping(p: float) -> None:
    # Nielsen and Chuang 2010, equation 8.108 and after: populations p, coherences sqrt(1 - p).
    found = apply("amplitude_damping", p, ONE, [0])
    np.testing.assert_allclose(found, np.diag([p, 1 - p]), atol=1e-12)
    coherence = apply("amplitude_damping", p, PLUS, [0])[0, 1]
    assert coherence == pytest.approx(np.sqrt(1 - p) / 2, abs=1e-12)


@pytest.mark.parametrize("p", STRENGTHS)
@pytest.mark.parametrize(
    ("name", "left"),
    [("phase_damping", lambda p: np.sqrt(1 - p)), ("phase_flip", lambda p: 1 - 2 * p)],
)
def test_dephasing_shrinks_coherences_alone(name: str, left: object, p: float) -> None:
    found = apply(name, p, PLUS, [0])
    np.testing.assert_allclose(np.diag(found), [0.5, 0.5], atol=1e-12)
    assert found[0, 1] == pytest.approx(left(p) / 2, abs=1e-12)  # type: ignore[operator]


@pytest.mark.parametrize("p", STRENGTHS)
def test_bit_flips(p: float) -> None:
    np.testing.assert_allclose(apply("bit_flip", p, ONE, [0]), np.diag([p, 1 - p]), atol=1e-12)


def test_ghz_loses_its_coherence_with_every_qubit() -> None:
    # Each phase flip multiplies |0..0><1..1| by (1 - 2p): (1 - 2p)^n / 2 is left.
    left = apply("phase_flip", 0.1, vector("ghz", 4), range(4))
    assert left[0, -1] == pytest.approx(0.8**4 / 2, abs=1e-12)


def measured(*, error: object = None, noise: object = None) -> np.ndarray:
    def circuit() -> object:
        qml.RY(0.7, wires=0)
        qml.CNOT([0, 1])
        qml.RX(0.4, wires=1)
        if error is not None:
            for wire in range(2):
                error(wire)  # type: ignore[operator]
        return qml.probs(wires=[0, 1])

    node = qml.QNode(circuit, qml.device("default.mixed", wires=2))
    return np.asarray((node if noise is None else qml.add_noise(node, noise))())


def test_readout_errors_are_the_same_as_matrix_and_on_the_device() -> None:
    matrix = confusion(zero_as_one=0.02, one_as_zero=0.11)
    on_device = measured(error=lambda wire: add_readout(matrix, wire))
    np.testing.assert_allclose(read(measured(), [matrix] * 2), on_device, atol=1e-12)


def test_even_readout_errors_are_those_of_pennylanes_noise_model() -> None:
    def flips(measured: qml.measurements.MeasurementProcess, **_: object) -> None:
        for wire in measured.wires:
            qml.BitFlip(0.07, wire)

    matrix = confusion(zero_as_one=0.07, one_as_zero=0.07)
    model = qml.NoiseModel({}, meas_map={qml.noise.meas_eq(qml.probs): flips})
    found = read(measured(), [matrix] * 2)
    np.testing.assert_allclose(found, measured(noise=model), atol=1e-12)
    assert not np.allclose(found, measured())


def test_confusion_columns_are_states_and_rows_readings() -> None:
    found = confusion(zero_as_one=0.1, one_as_zero=0.3) @ [1, 0]
    np.testing.assert_allclose(found, [0.9, 0.1])


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strengths_outside_zero_to_one(strength: float) -> None:
    with pytest.raises(ValueError, match=r"bit_flip strength=.*: a probability is from 0 to 1"):
        add("bit_flip", strength, 0)
    with pytest.raises(ValueError, match="one_as_zero"):
        confusion(zero_as_one=0, one_as_zero=strength)


def test_unknown_channels_name_the_known() -> None:
    with pytest.raises(ValueError, match=r"channel 'cosmic' is not known: .*depolarising"):
        kraus("cosmic", 0.1)


def test_states_that_are_none() -> None:
    for state, message in (
        (np.eye(2), "trace 2: it must be 1"),
        (np.diag([1.5, -0.5]), "eigenvalue -0.5: none may be negative"),
        ([[0.5, 1], [0, 0.5]], "not Hermitian"),
        (np.ones((2, 4)), r"shape \(2, 4\): it must be square"),
    ):
        with pytest.raises(ValueError, match=message):
            apply("bit_flip", 0.1, state, [0])


@pytest.mark.parametrize("wires", [[2], [-1], [0, 0], []])
def test_wires_that_are_not_there(wires: list[int]) -> None:
    with pytest.raises(ValueError, match=r"wires=.*: give different wires from 0 to 1"):
        apply("bit_flip", 0.1, vector("phi+", 2), wires)


def test_probabilities_that_are_none() -> None:
    matrix = confusion(zero_as_one=0, one_as_zero=0)
    with pytest.raises(ValueError, match=r"with sum 0\.7"):
        read([0.5, 0.2], [matrix])
    with pytest.raises(ValueError, match="4 are needed"):
        read([0.5, 0.5], [matrix, matrix])
